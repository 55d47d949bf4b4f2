"""Waiting for the signal that ends a service."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

_NUMBERS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_signal() -> Iterator[socket.socket]:
    """Turn SIGTERM and SIGINT into a byte that can be read, from here to the end of the block.

    Reading the socket waits for the first of them. For the main thread.
    """
    # The kernel may hand a signal to any thread, which wakes no lock that the main one waits for.
    told, tell = socket.socketpair()
    with told, tell:
        os.set_blocking(tell.fileno(), False)
        wakeup = signal.set_wakeup_fd(tell.fileno())
        before = [signal.signal(number, lambda *_: None) for number in _NUMBERS]
        try:
            yield told
        finally:
            for number, handler in zip(_NUMBERS, before, strict=True):
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
