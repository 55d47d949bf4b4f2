"""The system's resolver, asked as libvirt's client and QEMU ask it."""

import socket
from collections.abc import Sequence
from typing import Any

MAX_ADDRESSES = 64

SocketAddress = tuple[socket.AddressFamily, tuple[Any, ...]]
"""A family, and what connect and bind of that family take."""


def look_up(name: str, port: int, flags: int = 0) -> Sequence[SocketAddress]:
    """Return the addresses of a name or address; takes as long as the resolver.

    Raises socket.gaierror.
    """
    # Bytes go to the resolver as they are, as they do from libvirt: no IDNA of Python's own.
    found = socket.getaddrinfo(
        name.encode(), port, socket.AF_UNSPEC, socket.SOCK_STREAM, flags=flags
    )
    return [
        (family, address)
        for family, _, _, _, address in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ][:MAX_ADDRESSES]
