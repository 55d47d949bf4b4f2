"""Where a network disk's servers are: resolved once, and checked before anything connects."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmfit.v1.vm_pb2 import NetworkHost, StorageSource
from vmfit_agent.probes.look_up import SocketAddress
from vmfit_agent.probes.network_rules import NetworkRules, NotAllowed
from vmfit_agent.probes.port_ranges import DISK_PORTS, disk_ports
from vmfit_agent.probes.unanswerable import Unanswerable

_CURL = ("http", "https", "ftp", "ftps")
# QEMU's libraries take all servers of these at once, the first one of all others.
_MANY_SERVERS = ("rbd", "gluster")
# They connect to the first address of a name only.
_FIRST_ADDRESS = ("iscsi", "nfs")


@dataclass(frozen=True, slots=True)
class Place:
    """One server."""

    name: str
    """As the disk has it, without brackets."""
    port: int
    addresses: Sequence[SocketAddress]
    """Never empty; what is to be connected to."""

    def __str__(self) -> str:
        """Return it for people."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


def require_open_disk(source: StorageSource, rules: NetworkRules) -> None:
    """Raise NotAllowed for what needs no resolver to be refused."""
    if source.protocol in _CURL and any(each in source.name for each in "?#"):
        raise NotAllowed(f"the {source.protocol} disk's URL has a query, which no probe sends")
    for host in _servers(source):
        if host.transport != "unix":
            usual = disk_ports(source.protocol)
            rules.require_place(plain_name(host), port_of(host, source.protocol), usual)


def disk_places(source: StorageSource, rules: NetworkRules) -> list[Place]:
    """Return the servers that QEMU would connect to, in their order.

    Empty where the disk names none. Raises NotAllowed, and socket.gaierror for a name that does
    not resolve.
    """
    require_open_disk(source, rules)
    usual = disk_ports(source.protocol)
    places = []
    for host in _servers(source):
        name, port = plain_name(host), port_of(host, source.protocol)
        addresses = rules.addresses(name, port, usual, first_only=source.protocol in _FIRST_ADDRESS)
        places.append(Place(name, port, addresses))
    return places


def alternatives(source: StorageSource, places: Sequence[Place]) -> list[StorageSource]:
    """Return the disk with addresses instead of names: to be tried one after the other.

    A disk of many servers is one alternative with all their addresses.
    """
    if source.protocol in _MANY_SERVERS:
        return [_at(source, [(place, address) for place in places for address in place.addresses])]
    return [_at(source, [(place, address)]) for place in places for address in place.addresses]


def server_addresses(places: Sequence[Place]) -> list[str]:
    """Return the addresses of all servers, sorted."""
    return sorted({address[0] for place in places for _, address in place.addresses})


def plain_name(host: NetworkHost) -> str:
    """Return a host's name or address without brackets."""
    return host.name.strip("[]")


def port_of(host: NetworkHost, protocol: str) -> int:
    """Return the port that QEMU connects to; Unanswerable for a protocol without a usual one."""
    port = host.port or DISK_PORTS.get(protocol)
    if port is None:
        raise Unanswerable(f"{protocol} disks cannot be asked for")
    return port


def _servers(source: StorageSource) -> Sequence[NetworkHost]:
    return source.hosts if source.protocol in _MANY_SERVERS else source.hosts[:1]


def _at(source: StorageSource, servers: Sequence[tuple[Place, SocketAddress]]) -> StorageSource:
    found = StorageSource()
    found.CopyFrom(source)
    del found.hosts[:]
    for place, (_, address) in servers:
        found.hosts.add(name=address[0], port=place.port)
    return found
