"""Addresses that no probe ever goes to, whatever name leads there and however they are written."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

# Addresses within which another one, of IPv4, is written: by its last 32 bits.
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_BROADCAST = IPv4Network("240.0.0.0/4")
# Where clouds tell a machine its secrets, beside 169.254.169.254, which is link-local.
_METADATA = tuple(
    ip_network(each)
    for each in ("fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32", "168.63.129.16/32")
)


def parse_address(text: str) -> Address | None:
    """Return an address, in brackets or with a zone or not; None for anything else."""
    try:
        return ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None


def plain_address(address: Address) -> Address:
    """Return an address of IPv4 as such, also when it is written as one of IPv6."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def why_never(address: Address) -> str:
    """Return what kind of address it is, when probes never go to that kind; empty otherwise."""
    return next(filter(None, map(_why_never, _all_meant(address))), "")


def _why_never(address: Address) -> str:
    kinds = {
        "a loopback address": address.is_loopback,
        "no address of a host": address.is_unspecified or address in _THIS_NETWORK,
        "a link-local address": address.is_link_local,
        "a multicast address": address.is_multicast,
        "a broadcast or reserved address": address in _BROADCAST,
        "an address of a cloud's metadata": any(address in each for each in _METADATA),
    }
    return next((kind for kind, fits in kinds.items() if fits), "")


def _all_meant(address: Address) -> Iterator[Address]:
    """Yield the address, and those of IPv4 that tunnels and translators make of it."""
    yield address
    if isinstance(address, IPv4Address):
        return
    within = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
    yield from (each for each in within if each is not None)
    if any(address in each for each in _TRANSLATED):
        yield IPv4Address(int(address) & 0xFFFFFFFF)
