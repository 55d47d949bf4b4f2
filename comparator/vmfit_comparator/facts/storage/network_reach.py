"""Does the destination reach the servers of network disks?"""

from vmfit.v1.probe_pb2 import ConnectOutcome, ProbeAnswers
from vmfit.v1.vm_pb2 import StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage, upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.connect_failures import FAILURES
from vmfit_comparator.knowledge.device_servers import places_of, probe_of
from vmfit_comparator.knowledge.disk_identity import disk_probe
from vmfit_comparator.knowledge.disk_kinds import disks, images_below
from vmfit_comparator.knowledge.disks import DiskPair, is_on_host, servers
from vmfit_comparator.knowledge.host_addresses import is_in_use


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


@fact(
    each=(disks, images_below),
    applies_if=("incoming.disks.source.protocol", "incoming.disks.backing_chain.protocol"),
    reads=(*("destination.network.listening_ports", "probes.device_servers", "probes.not_asked"),),
)
def network_reach(pair: DiskPair, case: Case) -> Result | None:
    """Let QEMU's block driver on the destination open every NBD, RBD, iSCSI, ... disk.

    What opens is YES, what does not, or has no driver there, is NO with QEMU's words, and what does
    neither within two seconds or more, as behind a firewall, is PROBABLY_NO. An NBD export that the
    destination may only read is NO for a disk that the guest may write to. A disk that needs a
    secret is not opened: where the destination cannot connect to any of its servers it is NO, or
    PROBABLY_NO when they are silent. Without an agent servers that the source reaches are
    PROBABLY_YES. Agents do not ask servers on the host itself: where nothing listens on the
    destination it is NO, else NO_IDEA, as is a server that the hypervisor finds by its own
    configuration. Copied disks count: libvirt makes no network disk. So do images below
    disks.

    Source: qemu-img info and qemu-nbd --list on the destination; libvirt's formatdomain, disk
    source host.
    """
    return _reach(pair, case) if pair.there.source.protocol else None


def _reach(pair: DiskPair, case: Case) -> Result:
    tried = _tried(pair, case)
    if tried is not None:
        return tried
    source = pair.there.source
    if is_on_host(source):
        return _unserved(source, case) or no_idea(
            f"{source.protocol} at {servers(source)} is another server on every host"
        )
    if not source.hosts:
        return no_idea(f"the {source.protocol} servers are those of the host's configuration")
    refused = _refused(source, case.probes)
    if refused is not None:
        return refused
    return probably_yes(
        f"{source.protocol} at {servers(source)}; {_not_tried(pair, case)}",
        probability=0.85,
    )


def _unserved(source: StorageSource, case: Case) -> Result | None:
    """Return what speaks against a server on the destination itself; None for nothing."""
    listening = case.destination.network.listening_ports
    places = places_of(source)
    if not (listening and places) or any(is_in_use(*place, listening) for place in places):
        return None
    where = ", ".join(f"{host}:{port}" for host, port in places)
    return no(
        f"nothing listens at {where} of the destination",
        remedies=[provide_storage(f"Start the {source.protocol} server at {where}", source.name)],
    )


def _refused(source: StorageSource, probes: ProbeAnswers) -> Result | None:
    """Return what speaks against a disk none of whose servers answers; None for nothing."""
    tried = [probe_of(place, probes) for place in places_of(source)]
    outcomes = [each.answer.outcome for each in tried if each is not None]
    if not outcomes or len(outcomes) < len(tried) or not set(outcomes) <= set(FAILURES):
        return None
    silent = ConnectOutcome.CONNECT_OUTCOME_TIMED_OUT in outcomes
    fails = probably_no if silent else no
    return fails(
        f"the destination does not connect to {source.protocol} at {servers(source)}",
        remedies=[provide_storage(f"Let the destination reach {servers(source)}", source.name)],
    )
