"""Addresses of the running system's interfaces, asked of the kernel by netlink."""

import ipaddress
import socket
import struct
from collections.abc import Iterator

from vmfit_agent.networking.netlink import dump

# From linux/rtnetlink.h and linux/if_addr.h.
_RTM_GETADDR = 22
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
# Family, prefix length, flags, scope, interface index.
_MESSAGE = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_FAMILIES = (socket.AF_INET, socket.AF_INET6)

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def interface_addresses() -> dict[str, list[str]]:
    """Return each interface's addresses with prefix length, IPv4 first, ascending.

    Raises OSError when the kernel does not answer. Source: rtnetlink(7), RTM_GETADDR.
    """
    found: dict[int, list[Interface]] = {}
    for message in dump(socket.NETLINK_ROUTE, _RTM_GETADDR, (_MESSAGE.pack(0, 0, 0, 0, 0),)):
        family, prefix_length, _, _, index = _MESSAGE.unpack_from(message)
        attributes = dict(_attributes(message))
        # The far end of a point-to-point link is its "address"; the host's own is "local".
        address = attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS))
        if family in _FAMILIES and address is not None:
            own = _IFA_LOCAL in attributes and attributes.get(_IFA_ADDRESS) != address
            length = len(address) * 8 if own else prefix_length
            packed = ipaddress.ip_address(address)
            found.setdefault(index, []).append(ipaddress.ip_interface(f"{packed}/{length}"))
    names = dict(socket.if_nameindex())
    return {
        names[index]: [str(each) for each in sorted(interfaces, key=_order)]
        for index, interfaces in found.items()
        if index in names
    }


def _order(interface: Interface) -> tuple[int, int]:
    return interface.version, int(interface)


def _attributes(message: bytes) -> Iterator[tuple[int, bytes]]:
    offset = _MESSAGE.size
    while offset + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind, message[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
