"""Does the destination reach the iSCSI targets behind the disks?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage, upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.disk_identity import disk_probe
from vmfit_comparator.knowledge.disk_kinds import disks_in_place
from vmfit_comparator.knowledge.disks import DiskPair, servers
from vmfit_comparator.knowledge.host_paths import source_block
from vmfit_comparator.knowledge.iscsi_targets import session


@fact(each=disks_in_place, reads=("destination.iscsi", "probes.not_asked"))
def iscsi_session(pair: DiskPair, case: Case) -> Result | None:
    """Look for sessions of the kernel's initiator, node records and initiator names.

    A session that is up is YES; a record of the target, or a portal that the destination uses
    already, PROBABLY_YES with the login as remedy; no initiator at all NO; else NO_IDEA, since a
    masked target cannot be told from a missing one. QEMU's own initiator (disks of type network)
    logs in under the name in the XML: tried from the destination it is YES or NO; where nobody
    tried, the same name as on the source is PROBABLY_YES, another one NO_IDEA, as the target's
    access list is not known.

    Source: /sys/class/iscsi_session, /etc/iscsi/nodes, RFC 7143.
    """
    if pair.there.source.protocol == "iscsi":
        tried = _tried(pair, case)
        return tried if tried is not None else _userspace(pair, case)
    identity = source_block(pair.here.source.path, case)
    if identity is None or not identity.iscsi_target_name:
        return None
    if not case.destination.HasField("iscsi"):
        return no_idea("the destination's iSCSI state is not known", missing=["destination.iscsi"])
    return session(identity.iscsi_target_name, case)


def _userspace(pair: DiskPair, case: Case) -> Result:
    here, there = pair.here.source.initiator_name, pair.there.source.initiator_name
    if here != there:
        return no_idea(
            f"QEMU logs in as {there or 'a name of its own'} there, as "
            f"{here or 'a name of its own'} here: the target's access list is not known"
        )
    portals = ", ".join(host.name for host in pair.there.source.hosts)
    return probably_yes(
        f"QEMU logs in to {pair.there.source.name} at {portals} as "
        f"{there or 'a name of its own'} on both hosts; {_not_tried(pair, case)}"
    )


def _tried(pair: DiskPair, case: Case) -> Result | None:
    """Return what came of opening a network disk on the destination; None when nobody could."""
    source = pair.there.source
    probe = disk_probe(pair.there.target, case)
    if probe is None or not probe.HasField("answer"):
        return None
    place = f"{source.protocol} {source.name} at {servers(source) or 'its servers'}"
    if probe.answer.read_only and not pair.is_read_only:
        remedy = provide_storage(f"Let the destination write to {place}", source.name)
        return no(f"{place} lets the destination only read", remedies=[remedy])
    if probe.answer.opens:
        return yes(f"{source.protocol} {source.name} opens on the destination")
    if probe.answer.driver_missing:
        remedy = upgrade(f"QEMU's block driver for {source.protocol}", "")
        seen = f"QEMU on the destination has no driver for {source.protocol}"
        return no(f"{seen}: {probe.answer.reason}", remedies=[remedy])
    fails = probably_no if probe.answer.HasField("timed_out_seconds") else no
    return fails(f"{place} does not open on the destination: {probe.answer.reason}")


def _not_tried(pair: DiskPair, case: Case) -> str:
    probe = disk_probe(pair.there.target, case)
    why = probe.error if probe is not None else case.probes.not_asked
    return f"that was not tried there{f' ({why})' if why else ''}"
