"""Which of the source's interfaces leads to the destination, and how fast it is."""

from ipaddress import ip_interface

from vmfit.v1.network_pb2 import NetworkInterface
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import by_equality, reads
from vmfit_comparator.knowledge.host_addresses import parse_address
from vmfit_comparator.knowledge.migration_ways import connect_uri, destination_name


@by_equality(
    "destination.identity.hostname",
    "destination.identity.canonical_hostname",
    "destination.identity.hostname_addresses",
    "destination.identity.libvirt_identities.hostname",
)
@reads(
    *("options.migration_uri", "destination.identity.hostname"),
    *("destination.identity.canonical_hostname", "destination.identity.hostname_addresses"),
)
def destination_addresses(case: Case) -> list[str]:
    """Return the addresses that the source would connect to, as far as they are known."""
    host = connect_uri(case.options.migration_uri).host
    name = host or destination_name(case)
    if parse_address(name) is not None:
        return [name]
    identity = case.destination.identity
    known = (identity.hostname, identity.canonical_hostname, destination_name(case))
    return [*identity.hostname_addresses] if name in known else []


@reads("source.network.interfaces")
def shared_interface(address: str, case: Case) -> NetworkInterface | None:
    """Return the interface of the source whose network holds an address; None if none does."""
    wanted = parse_address(address)
    if wanted is None or wanted.is_loopback or wanted.is_link_local:
        return None
    for each in case.source.network.interfaces:
        for text in each.addresses if each.up else ():
            try:
                own = ip_interface(text)
            except ValueError:
                continue
            if own.version == wanted.version and wanted in own.network:
                return each
    return None


def link_bytes_per_second(case: Case) -> int:
    """Return the slowest of the interfaces that lead to the destination; 0 when not known.

    Source: /sys/class/net/*/speed.
    """
    links = [shared_interface(each, case) for each in destination_addresses(case)]
    return min((each.speed_bits_per_second // 8 for each in links if each is not None), default=0)
