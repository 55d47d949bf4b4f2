"""Where servers listen: whether they can, and who may open their sockets."""

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


def cannot_listen(address: Address, told: str) -> ListenError:
    """Return why a server cannot listen at an address; `told` counts when nothing else does.

    gRPC tells the cause in its log only; binding once more ourselves tells us.
    """
    try:
        if address.is_unix:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.bind(address.path)
        else:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            with socket.socket(family) as probe:
                probe.bind((address.host, address.port))
    except OSError as cause:
        told = cause.strerror or str(cause)
    return TakenError(f"{address}: cannot listen: {told}")


@contextmanager
def socket_mode() -> Iterator[None]:
    """Create sockets that nobody but owner and group may ever open."""
    mask = os.umask(0o777 & ~SOCKET_MODE)
    try:
        yield
    finally:
        os.umask(mask)
