"""Memory that large messages took, given back to the kernel."""

import asyncio
import ctypes

_LARGE_BYTES = 1 << 20
_PAUSE_SECONDS = 2.0
"""Calls of large messages come in bursts: once after a burst is enough."""

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
_pending: set[asyncio.TimerHandle] = set()


def give_back_soon(size: int) -> None:
    """Note that a message of so many bytes is done with. For the event loop.

    glibc keeps what was freed below what still lives; `malloc_trim` looks through all of it.
    """
    if size < _LARGE_BYTES or _trim is None or _pending:
        return
    loop = asyncio.get_running_loop()

    def trim() -> None:
        _pending.clear()
        loop.run_in_executor(None, _trim, 0)

    _pending.add(loop.call_later(_PAUSE_SECONDS, trim))
