"""The connections that a server has, closed by the kernel.

gRPC's own way to stop cancels what arrives while its clients do not know yet; a connection that is
closed is UNAVAILABLE to all of them, and they ask another server or later.
"""

import os
import socket
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from vmfit_contract.address import Address

_DESCRIPTORS = Path("/proc/self/fd")
_FAMILIES = frozenset((socket.AF_UNIX, socket.AF_INET, socket.AF_INET6))


def hang_up(addresses: Collection[Address]) -> None:
    """Close every connection to the addresses at which this process listens."""
    paths = {each.path for each in addresses if each.is_unix}
    ports = {each.port for each in addresses if not each.is_unix}
    for each in _sockets():
        with each, suppress(OSError):  # Somebody may have closed it already.
            name = each.getsockname()
            is_ours = name in paths if each.family == socket.AF_UNIX else name[1] in ports
            if is_ours and not each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                each.shutdown(socket.SHUT_RDWR)


def _sockets() -> Iterator[socket.socket]:
    """Yield this process's stream sockets, by descriptors of their own."""
    for entry in _DESCRIPTORS.iterdir():
        with suppress(OSError):
            number = os.dup(int(entry.name))
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                os.close(number)
                continue
            found = socket.socket(fileno=number)
            if found.type == socket.SOCK_STREAM and found.family in _FAMILIES:
                yield found
            else:
                found.close()
