"""Facts about reaching the servers behind disks: iSCSI targets, and any other."""

from vmfit_comparator.disks import DiskPair, is_on_host, joined, servers, used_in_place
from vmfit_comparator.fact import fact
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.host_paths import block_identity
from vmfit_comparator.iscsi_targets import session
from vmfit_comparator.migration import Migration
from vmfit_comparator.outcome import Outcome, no_idea, probably_yes


@fact(
    "storage.iscsi_session",
    question="Does the destination reach the iSCSI targets behind the disks?",
    applies_if=("incoming.disks",),
    reads=("vm.disks", "incoming.disks"),
    also_reads=(
        "source.iscsi",
        "destination.iscsi",
        "source.block_devices.devices",
        "options.storage_copy",
        "options.copied_disks",
    ),
)
@unless_offline
def iscsi_session(migration: Migration) -> Outcome:
    """Look for sessions of the kernel's initiator, node records and initiator names.

    A session that is up is YES; a record of the target, or a portal that the destination uses
    already, PROBABLY_YES with the login as remedy; no initiator at all NO; else NO_IDEA, since a
    masked target cannot be told from a missing one. QEMU's own initiator (disks of type network)
    logs in under the name in the XML: the same name as on the source is PROBABLY_YES, another one
    NO_IDEA, as the target's access list is not known.

    Source: /sys/class/iscsi_session, /etc/iscsi/nodes, RFC 7143.
    """
    outcomes = {}
    for pair in used_in_place(migration):
        outcome = _of_disk(pair, migration)
        if outcome is not None:
            outcomes[pair.there.target] = outcome
    return joined(outcomes, "does not apply: no disk lies on iSCSI")


def _of_disk(pair: DiskPair, migration: Migration) -> Outcome | None:
    if pair.there.source.protocol == "iscsi":
        return _userspace(pair)
    identity = block_identity(pair.here.source.path, migration.source)
    if identity is None or not identity.iscsi_target_name:
        return None
    if not migration.destination.HasField("iscsi"):
        return no_idea("the destination's iSCSI state is not known", missing=["destination.iscsi"])
    return session(identity.iscsi_target_name, migration)


def _userspace(pair: DiskPair) -> Outcome:
    here, there = pair.here.source.initiator_name, pair.there.source.initiator_name
    if here != there:
        return no_idea(
            f"QEMU logs in as {there or 'a name of its own'} there, as "
            f"{here or 'a name of its own'} here: the target's access list is not known"
        )
    portals = ", ".join(host.name for host in pair.there.source.hosts)
    return probably_yes(
        f"QEMU logs in to {pair.there.source.name} at {portals} as "
        f"{there or 'a name of its own'} on both hosts; the path there was not tried"
    )


@fact(
    "storage.network_reach",
    question="Does the destination reach the servers of network disks?",
    applies_if=("incoming.disks.source.protocol",),
    reads=("incoming.disks",),
    also_reads=("vm.disks", "options.storage_copy", "options.copied_disks"),
)
@unless_offline
def network_reach(migration: Migration) -> Outcome:
    """Say what is known of the way to the servers of NBD, RBD, iSCSI, ... disks.

    Nothing is sent from the destination, so servers that the source reaches are PROBABLY_YES. A
    server on the host itself, or one that the hypervisor finds by its own configuration, is
    NO_IDEA. Disks that are files or devices are YES; a firm NO is not to be had.

    Source: libvirt's formatdomain, disk source host.
    """
    outcomes = {
        pair.there.target: _reach(pair)
        for pair in used_in_place(migration)
        if pair.there.source.protocol
    }
    return joined(outcomes, "does not apply: no disk is opened over the network")


def _reach(pair: DiskPair) -> Outcome:
    source = pair.there.source
    if is_on_host(source):
        return no_idea(f"{source.protocol} at {servers(source)} is another server on every host")
    if not source.hosts:
        return no_idea(f"the {source.protocol} servers are those of the host's configuration")
    return probably_yes(
        f"{source.protocol} at {servers(source)}, which was not tried from the destination",
        probability=0.85,
    )


FACTS = (iscsi_session, network_reach)
