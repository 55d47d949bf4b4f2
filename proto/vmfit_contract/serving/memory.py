"""Memory that large messages took, given back to the kernel."""

import asyncio
import ctypes
import gc

_LARGE_BYTES = 1 << 20
_PAUSE_SECONDS = 2.0
"""Calls of large messages come in bursts: once after a burst is enough."""

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
_pending: set[asyncio.TimerHandle] = set()


def give_back_soon(size: int) -> None:
    """Note that a message of so many bytes is done with. For the event loop.

    An exception that was kept and raised again holds in a circle all that its callers had, until
    Python's collector looks, which a few large messages do not make it do. What was freed below
    what still lives glibc keeps; `malloc_trim` looks through all of it.
    """
    if size < _LARGE_BYTES or _pending:
        return
    loop = asyncio.get_running_loop()

    def give_back() -> None:
        _pending.clear()
        loop.run_in_executor(None, _give_back)

    _pending.add(loop.call_later(_PAUSE_SECONDS, give_back))


def _give_back() -> None:
    gc.collect()
    if _trim is not None:
        _trim(0)
