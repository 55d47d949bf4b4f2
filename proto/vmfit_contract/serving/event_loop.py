"""The event loop that a process's gRPC servers share, in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

_lock = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []


def shared_loop() -> asyncio.AbstractEventLoop:
    """Return the loop, started when it is first asked for.

    gRPC hands what happened to all its servers through one queue, which two loops would fight for.
    """
    with _lock:
        if not _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="rpc-loop", daemon=True).start()
            _loops.append(loop)
        return _loops[0]


def run(coroutine: Coroutine[Any, Any, Result], seconds: float | None = None) -> Result:
    """Return the coroutine's result from any other thread; TimeoutError after the seconds."""
    return asyncio.run_coroutine_threadsafe(coroutine, shared_loop()).result(seconds)
