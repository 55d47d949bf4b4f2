"""Listening sockets of the running system, asked of the kernel by netlink.

/proc/net/tcp and udp list them too, but the former only after the kernel has walked the table of
all connections, which takes it milliseconds on an idle host.
"""

import socket
import struct

from vmfit_agent.networking.netlink import dump
from vmfit_agent.networking.proc_net import address_text

# From linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h and net/tcp_states.h.
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
# TCP that listens; UDP that is not connected, to the kernel "closed".
_LISTENING = {socket.IPPROTO_TCP: 1 << 10, socket.IPPROTO_UDP: 1 << 7}
# Family, protocol, extensions, padding, states; an empty socket identity.
_REQUEST = struct.Struct("=BBBBI48x")
# Family, state, timer, retransmissions, source port.
_PORT = struct.Struct("!B3xH")
_ADDRESS_OFFSET = 8
_ADDRESS_BYTES = {socket.AF_INET: 4, socket.AF_INET6: 16}


def listening_sockets(protocol: int = socket.IPPROTO_TCP) -> set[tuple[str, int]]:
    """Return address and port of every listening socket, of IPv4 and of IPv6.

    A UDP socket listens while it is bound to a port and not connected.

    Raises OSError when the kernel has no socket diagnosis. Source: sock_diag(7).
    """
    requests = tuple(
        _REQUEST.pack(family, protocol, 0, 0, _LISTENING[protocol]) for family in _ADDRESS_BYTES
    )
    found: set[tuple[str, int]] = set()
    for message in dump(_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, requests):
        family, port = _PORT.unpack_from(message)
        end = _ADDRESS_OFFSET + _ADDRESS_BYTES[socket.AddressFamily(family)]
        found.add((address_text(message[_ADDRESS_OFFSET:end]), port))
    return found
