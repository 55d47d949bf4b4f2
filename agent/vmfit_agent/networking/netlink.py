"""Asks the kernel for lists over netlink."""

import socket
import struct
from collections.abc import Iterator

# From linux/netlink.h.
HEADER = struct.Struct("=IHHII")
_REQUEST_DUMP = 0x301
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_TIMEOUT_SECONDS = 1.0
_RECEIVE_BYTES = 1 << 16


def dump(protocol: int, kind: int, requests: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield the payload of every message that answers the requests, one after the other.

    Raises OSError when the kernel refuses one or does not answer. Source: netlink(7).
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as kernel:
        kernel.settimeout(_TIMEOUT_SECONDS)
        for request in requests:
            length = HEADER.size + len(request)
            kernel.send(HEADER.pack(length, kind, _REQUEST_DUMP, 0, 0) + request)
            yield from _answers(kernel)


def _answers(kernel: socket.socket) -> Iterator[bytes]:
    while True:
        received = kernel.recv(_RECEIVE_BYTES)
        offset = 0
        while offset + HEADER.size <= len(received):
            length, kind, *_ = HEADER.unpack_from(received, offset)
            if kind == _NLMSG_DONE:
                return
            if kind == _NLMSG_ERROR or length < HEADER.size:
                raise OSError("the kernel refuses to list over netlink")
            yield received[offset + HEADER.size : offset + length]
            offset += (length + 3) & ~3
