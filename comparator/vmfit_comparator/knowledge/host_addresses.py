"""What addresses and names a host has, and where something can listen there."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from vmfit.v1.network_pb2 import ListeningPort, Network
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.reads import by_equality


@by_equality(
    "destination.identity.hostname",
    "destination.identity.canonical_hostname",
    "destination.identity.hostname_addresses",
    "destination.identity.libvirt_identities.hostname",
    "destination.network.interfaces.addresses",
)
def own_names(host: Snapshot, libvirt_name: str) -> set[str]:
    """Return the names and addresses that the host certainly has; loopback ones, too."""
    identity = host.identity
    names = {identity.hostname, identity.canonical_hostname, *identity.hostname_addresses}
    names.add(libvirt_name)
    for interface in host.network.interfaces:
        names |= {each.partition("/")[0] for each in interface.addresses}
    return names


@by_equality(
    "destination.identity.hostname",
    "destination.identity.canonical_hostname",
    "destination.identity.hostname_addresses",
    "destination.identity.libvirt_identities.hostname",
    "destination.network.interfaces.addresses",
)
def has_address(text: str, network: Network) -> bool | None:
    """Tell whether a host can listen at an address; None for other names, and without addresses."""
    address = parse_address(text)
    if address is None:
        return True if text in ("", "localhost") else None
    if address.is_unspecified or address.is_loopback:
        return True
    known = [each.partition("/")[0] for one in network.interfaces for each in one.addresses]
    if not known:
        return None
    return any(parse_address(each) == address for each in known)


def is_in_use(text: str, port: int, listening: Iterable[ListeningPort]) -> bool:
    """Tell whether something listens at this port, of this address or of all."""
    address = parse_address(text)
    for each in listening:
        if each.port != port:
            continue
        other = parse_address(each.address)
        if address is None or other is None or address == other:
            return True
        if address.is_unspecified or other.is_unspecified:
            return True
    return False


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address, without its zone and of IPv4 as such; None for anything else."""
    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
