"""Waiting for the signals that end a service, or have it read its configuration again."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """The signals that came since the service began to wait for them."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told

    def wait(self, seconds: float | None = None) -> signal.Signals | None:
        """Wait for the next of SIGTERM, SIGINT and SIGHUP; None when the seconds are over."""
        self._told.settimeout(seconds)
        try:
            return signal.Signals(self._told.recv(1)[0])
        except TimeoutError:
            return None


@contextmanager
def signals() -> Iterator[Signals]:
    """Keep SIGTERM, SIGINT and SIGHUP for who waits, to the end of the block.

    For the main thread.
    """
    # The kernel may hand a signal to any thread, which wakes no lock that the main one waits for.
    told, tell = socket.socketpair()
    with told, tell:
        os.set_blocking(tell.fileno(), False)
        # Many signals of one kind may fill the socket: the first of them count.
        wakeup = signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
        before = [signal.signal(number, lambda *_: None) for number in _NUMBERS]
        try:
            yield Signals(told)
        finally:
            for number, handler in zip(_NUMBERS, before, strict=True):
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
