"""Who may speak on a unix socket: what the kernel says of the process that connected.

The socket's mode says the same, until somebody changes it.
Source: unix(7), SO_PEERCRED and SO_PEERGROUPS.
"""

import errno
import os
import socket
import struct
from pathlib import Path
from typing import NamedTuple

from vmfit_contract.address import Address

_CREDENTIALS = struct.Struct("@iII")
# Python has no name for it. Source: asm-generic/socket.h
_SO_PEERGROUPS = 59
_GROUP = struct.Struct("@I")
# As many as Python's getsockopt takes bytes for; whoever is in more counts as in none of them.
_MOST_GROUPS = 1024 // _GROUP.size


class Peer(NamedTuple):
    """The process that connected, as it was then."""

    pid: int
    uid: int
    gids: frozenset[int]


class PermittedPeers:
    """Root, the socket's owner, who runs this process, and the socket's group.

    Owner and group are those of when it was made. In a user namespace the kernel has one number
    for all users whom the namespace does not know: there the socket's mode alone tells them apart.
    """

    def __init__(self, address: Address) -> None:
        """Look whose socket it is; raises OSError."""
        found = Path(address.path).stat()
        self._uids = {0, os.geteuid(), found.st_uid}
        self._gid = found.st_gid

    def permit(self, peer: Peer) -> bool:
        """Return whether the process may speak."""
        return peer.uid in self._uids or self._gid in peer.gids


def peer_of(connection: socket.socket) -> Peer:
    """Return who connected; raises OSError."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    try:
        size = _MOST_GROUPS * _GROUP.size
        groups = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, size)
    except OSError as error:
        if error.errno != errno.ERANGE:
            raise
        groups = b""
    gids = {each for (each,) in _GROUP.iter_unpack(groups)}
    return Peer(pid, uid, frozenset(gids | {gid}))
