"""The listening end of a unix socket: opened here, or by systemd."""

import logging
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vmfit_contract.address import Address
from vmfit_contract.listening import TakenError, require_free, socket_mode

_LOG = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5
_STOP_SECONDS = 1.0
"""What is connected already when the listening ends is taken within this time."""


class Listener:
    """Hands on each connection, in a thread of its own, until it is stopped.

    A socket of systemd's stays open and keeps who connects for the next process; one of our own
    is removed, and who has connected by then is handed on.
    """

    def __init__(self, address: Address, inherited: socket.socket | None = None) -> None:
        """Listen at the address, or on a socket that listens already; raises ListenError."""
        self._path = None if inherited is not None else Path(address.path)
        self._listener = inherited if inherited is not None else _listen(address)
        self._listener.settimeout(0)
        self.address = Address(path=str(self._listener.getsockname()))
        self._stopping = threading.Event()
        self._woken, self._wake = socket.socketpair()

    def start(self, take: Callable[[socket.socket], None]) -> None:
        """Hand on each connection from now on."""
        self._thread = threading.Thread(
            target=self._accept, args=(take,), name="accept", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections."""
        self._stopping.set()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._wake.close()
        self._thread.join(_STOP_SECONDS)

    def _accept(self, take: Callable[[socket.socket], None]) -> None:
        poller = select.poll()
        poller.register(self._listener, select.POLLIN)
        poller.register(self._woken, select.POLLIN)
        with self._listener, self._woken:
            while not self._stopping.is_set():
                poller.poll()
                self._take_waiting(take)
            if self._path is not None:
                self._take_waiting(take)

    def _take_waiting(self, take: Callable[[socket.socket], None]) -> None:
        with suppress(BlockingIOError):
            while self._path is not None or not self._stopping.is_set():
                try:
                    connection, _ = self._listener.accept()
                except BlockingIOError:
                    raise
                except OSError as error:  # No file descriptors are left, for one.
                    _LOG.warning("the socket: %s", error)
                    if self._stopping.wait(_RETRY_SECONDS):
                        return
                else:
                    take(connection)


def _listen(address: Address) -> socket.socket:
    require_free(address)
    path = Path(address.path)
    listener = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket():
            path.unlink()
        with socket_mode():
            listener.bind(address.path)
        listener.listen()
    except OSError as error:
        listener.close()
        raise TakenError(f"{address}: cannot listen: {error.strerror}") from None
    return listener
