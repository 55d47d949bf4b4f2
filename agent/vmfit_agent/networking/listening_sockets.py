"""Listening TCP sockets of the running system, asked of the kernel by netlink.

/proc/net/tcp lists them too, but only after the kernel has walked the table of all connections,
which takes it milliseconds on an idle host.
"""

import socket
import struct
from collections.abc import Iterator

from vmfit_agent.networking.proc_net import address_text

# From linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h and net/tcp_states.h.
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_LISTENING = 1 << 10
_HEADER = struct.Struct("=IHHII")
# Family, protocol, extensions, padding, states; an empty socket identity.
_REQUEST = struct.Struct("=BBBBI48x")
_PORT = struct.Struct("!4xH")
_ADDRESS_OFFSET = 8
_ADDRESS_BYTES = {socket.AF_INET: 4, socket.AF_INET6: 16}
_TIMEOUT_SECONDS = 1.0
_RECEIVE_BYTES = 1 << 16


def listening_sockets() -> set[tuple[str, int]]:
    """Return address and port of every listening socket, of IPv4 and of IPv6.

    Raises OSError when the kernel has no socket diagnosis. Source: sock_diag(7).
    """
    found: set[tuple[str, int]] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_TIMEOUT_SECONDS)
        for family in _ADDRESS_BYTES:
            request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _LISTENING)
            length = _HEADER.size + len(request)
            header = _HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 0, 0)
            kernel.send(header + request)
            found.update(_answers(kernel, family))
    return found


def _answers(kernel: socket.socket, family: socket.AddressFamily) -> Iterator[tuple[str, int]]:
    while True:
        received = kernel.recv(_RECEIVE_BYTES)
        offset = 0
        while offset + _HEADER.size <= len(received):
            length, kind, *_ = _HEADER.unpack_from(received, offset)
            message = received[offset + _HEADER.size : offset + length]
            if kind == _NLMSG_DONE:
                return
            if kind == _NLMSG_ERROR or length < _HEADER.size:
                raise OSError("the kernel refuses to list listening sockets")
            (port,) = _PORT.unpack_from(message)
            end = _ADDRESS_OFFSET + _ADDRESS_BYTES[family]
            yield address_text(message[_ADDRESS_OFFSET:end]), port
            offset += (length + 3) & ~3
