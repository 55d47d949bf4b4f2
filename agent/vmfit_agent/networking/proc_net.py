"""Parsers of the tables in /proc/net: listening ports, routes, VLANs."""

import ipaddress
import sys
from collections.abc import Iterator
from typing import NamedTuple

# TCP that listens; UDP that is not connected.
_LISTENING = {"tcp": "0A", "udp": "07"}
_IPV4_MAPPED = bytes(10) + b"\xff\xff"
_RTF_UP = 0x1
_RTF_REJECT = 0x200
_RTF_ANYCAST = 0x00100000
_RTF_CACHE = 0x01000000
_RTF_LOCAL = 0x80000000
_IPV6_UNWANTED = _RTF_REJECT | _RTF_ANYCAST | _RTF_CACHE | _RTF_LOCAL
# A router with the whole internet's table is no host of virtual machines.
_MAXIMUM_LINES = 20_000


class RouteEntry(NamedTuple):
    """One route of the main table."""

    destination: str
    """With prefix length; "0.0.0.0/0" and "::/0" are the default routes."""
    gateway: str | None
    interface: str


def parse_listening(text: str, protocol: str = "tcp") -> Iterator[tuple[str, int]]:
    """Yield address and port of every listening socket of /proc/net/tcp, tcp6, udp or udp6.

    Raises ValueError quoting a malformed line. Source: proc(5).
    """
    for line in _rows(text, header=True):
        fields = line.split()
        if len(fields) > 3 and fields[3] != _LISTENING[protocol]:
            continue
        try:
            address, _, port = fields[1].partition(":")
            yield _kernel_address(address), int(port, 16)
        except (ValueError, IndexError):
            raise ValueError(f"/proc/net/{protocol}: not a socket: {line[:120]!r}") from None


def parse_routes(text: str) -> Iterator[RouteEntry]:
    """Yield the IPv4 routes that are up. Raises ValueError quoting a malformed line."""
    for line in _rows(text, header=True):
        fields = line.split()
        try:
            interface, destination, gateway, flags = fields[0], fields[1], fields[2], fields[3]
            mask = _kernel_address(fields[7])
            if int(flags, 16) & (_RTF_UP | _RTF_REJECT) == _RTF_UP:
                network = ipaddress.IPv4Network((_kernel_address(destination), mask), strict=False)
                yield RouteEntry(str(network), _gateway(_kernel_address(gateway)), interface)
        except (ValueError, IndexError):
            raise ValueError(f"/proc/net/route: not a route: {line[:120]!r}") from None


def parse_ipv6_routes(text: str) -> Iterator[RouteEntry]:
    """Yield the IPv6 routes that lead somewhere: none of the host itself or of one link.

    Raises ValueError quoting a malformed line. Source: net/ipv6/route.c.
    """
    for line in _rows(text, header=False):
        fields = line.split()
        try:
            destination = ipaddress.IPv6Address(bytes.fromhex(fields[0]))
            prefix, gateway, flags = int(fields[1], 16), fields[4], int(fields[8], 16)
            interface = fields[9]
            wanted = flags & _RTF_UP and not flags & _IPV6_UNWANTED and interface != "lo"
            local = destination.is_multicast or destination.is_link_local
            if wanted and not local:
                network = ipaddress.IPv6Network((destination, prefix), strict=False)
                via = str(ipaddress.IPv6Address(bytes.fromhex(gateway)))
                yield RouteEntry(str(network), _gateway(via), interface)
        except (ValueError, IndexError):
            raise ValueError(f"/proc/net/ipv6_route: not a route: {line[:120]!r}") from None


def parse_vlans(text: str) -> dict[str, int]:
    """Return the VLAN id of each interface of /proc/net/vlan/config; empty without the table."""
    vlans = {}
    for line in _rows(text, header=False):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 3 and fields[1].isdecimal():
            vlans[fields[0]] = int(fields[1])
    return vlans


def _rows(text: str, *, header: bool) -> list[str]:
    return [line for line in text.splitlines()[header:] if line.strip()][:_MAXIMUM_LINES]


def _kernel_address(digits: str) -> str:
    # 32-bit words in the host's byte order.
    words = [bytes.fromhex(digits[start : start + 8]) for start in range(0, len(digits), 8)]
    packed = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    return address_text(packed)


def address_text(packed: bytes) -> str:
    """Return an address of 4 or 16 bytes; an IPv4 address mapped into IPv6 as what it stands for.

    Raises ValueError for any other length.
    """
    if packed.startswith(_IPV4_MAPPED) and len(packed) == 16:
        packed = packed[len(_IPV4_MAPPED) :]
    return str(ipaddress.ip_address(packed))


def _gateway(address: str) -> str | None:
    return None if address in ("0.0.0.0", "::") else address  # noqa: S104 -- "none", not a bind
