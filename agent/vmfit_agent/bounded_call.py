"""Calls that may hang: bounded in time, and in number."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from vmfit_agent.shares import Shares
from vmfit_contract.access import Caller

Result = TypeVar("Result")

_LOOK_SECONDS = 0.05


def call_within(
    seconds: float, call: Callable[[], Result], is_gone: Callable[[], bool] | None = None
) -> Result:
    """Return what the call returns, or raise what it raises; TimeoutError when it takes longer.

    So it does when nobody waits any more. A call that overruns goes on in its daemon thread, and
    what becomes of it is dropped.
    """
    results: list[Result] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 -- raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="bounded-call", daemon=True)
    thread.start()
    if is_gone is None:
        thread.join(seconds)
    else:
        _join(thread, time.monotonic() + seconds, is_gone)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]


def _join(thread: threading.Thread, until: float, is_gone: Callable[[], bool]) -> None:
    while thread.is_alive() and (left := until - time.monotonic()) > 0 and not is_gone():
        thread.join(min(left, _LOOK_SECONDS))


class BoundedCalls(Generic[Result]):
    """Bounds calls in number too, fairly among callers.

    One that hangs keeps its thread and its place, not its caller.
    """

    def __init__(self, limit: int) -> None:
        self._places = Shares(limit)

    def run(self, call: Callable[[], Result], seconds: float, caller: Caller) -> Result:
        """Do as `call_within`; TimeoutError also when too many others are still running."""
        until = time.monotonic() + seconds
        while not self._places.take(caller.name):
            if time.monotonic() >= until or caller.is_gone():
                raise TimeoutError("too many calls are still running")
            time.sleep(_LOOK_SECONDS)

        def counted() -> Result:
            try:
                return call()
            finally:
                self._places.give_back(caller.name)

        return call_within(until - time.monotonic(), counted, caller.is_gone)
