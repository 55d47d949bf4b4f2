"""Programs on other hosts that the guest's devices are clients of."""

from collections.abc import Iterator

from vmfit.v1.probe_pb2 import PortProbe, ProbeAnswers
from vmfit.v1.vm_pb2 import CharacterDevice, StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.knowledge.host_addresses import has_address, parse_address

# Where a server listens that the definition gives no port.
_USUAL_PORTS = {"iscsi": 3260, "nbd": 10809, "rbd": 6789}


def servers_elsewhere(case: Case) -> list[tuple[str, int]]:
    """Return host and port of the servers that QEMU connects to before the guest can come."""
    return list(
        dict.fromkeys(
            (each.host, each.port)
            for each in _clients(case, "tcp")
            if each.port and not each.reconnects
        )
    )


def places_of(source: StorageSource) -> list[tuple[str, int]]:
    """Return host and port of a network disk's servers; none where one is not by TCP."""
    usual = _USUAL_PORTS.get(source.protocol, 0)
    places = [(host.name, host.port or usual) for host in source.hosts if not host.socket]
    known = len(places) == len(source.hosts) and all(host and port for host, port in places)
    return places if known else []


def servers_of_secret_disks(case: Case) -> list[tuple[str, int]]:
    """Return the servers of the network disks that cannot be opened beforehand for their secret."""
    if case.options.offline:
        return []
    secret = {each.user for each in case.incoming.secrets}
    return [
        place
        for disk in case.incoming.disks
        if disk.source.protocol and f"disk {disk.target}" in secret
        for place in places_of(disk.source)
    ]


def probe_of(place: tuple[str, int], probes: ProbeAnswers) -> PortProbe | None:
    """Return what became of the destination's connection to a server; None when none was tried."""
    return next(
        (
            each
            for each in probes.device_servers
            if (each.host, each.port) == place and each.HasField("answer")
        ),
        None,
    )


def why_not_tried(place: tuple[str, int], probes: ProbeAnswers) -> str:
    """Return why a server was not connected to; empty where nobody says so."""
    errors = [each.error for each in probes.device_servers if (each.host, each.port) == place]
    return next(filter(None, errors), probes.not_asked)


def names_elsewhere(case: Case) -> list[str]:
    """Return the names that QEMU resolves for devices which send UDP."""
    hosts = dict.fromkeys(each.host for each in _clients(case, "udp"))
    return [each for each in hosts if parse_address(each) is None]


def _clients(case: Case, type_: str) -> Iterator[CharacterDevice]:
    if case.options.offline:
        return
    for each in case.incoming.character_devices:
        client = each.type == type_ and each.mode == "connect" and each.host
        if client and not has_address(each.host, case.destination.network):
            yield each
