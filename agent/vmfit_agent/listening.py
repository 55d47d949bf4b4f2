"""What the agent's servers share: taking a unix socket's path."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vmfit_contract.address import Address

SOCKET_MODE = 0o660


class ListenError(Exception):
    """The server cannot listen there; the message says where and why."""


class TakenError(ListenError):
    """It cannot now: another time it may."""


def require_free(address: Address) -> None:
    """Raise ListenError for a socket that another process answers on."""
    path = Path(address.path)
    if not path.parent.is_dir():
        raise ListenError(f"{address}: cannot listen: no directory {path.parent}")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(address.path)
        except OSError:
            return
    raise TakenError(f"{address}: cannot listen: another process does already")


@contextmanager
def socket_mode() -> Iterator[None]:
    """Create sockets that nobody but owner and group may ever open."""
    mask = os.umask(0o777 & ~SOCKET_MODE)
    try:
        yield
    finally:
        os.umask(mask)
