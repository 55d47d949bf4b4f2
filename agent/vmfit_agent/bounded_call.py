"""Calls that may hang: bounded in time, and in number."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


def call_within(seconds: float, call: Callable[[], Result]) -> Result:
    """Return what the call returns, or raise what it raises; TimeoutError when it takes longer.

    A call that overruns goes on in its daemon thread, and what becomes of it is dropped.
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
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]


class BoundedCalls(Generic[Result]):
    """Bounds calls in number too; one that hangs keeps its thread and its place, not its caller."""

    def __init__(self, limit: int) -> None:
        self._free = threading.BoundedSemaphore(limit)

    def run(self, call: Callable[[], Result], seconds: float) -> Result:
        """Do as `call_within`; TimeoutError also when too many others are still running."""
        if not self._free.acquire(timeout=seconds):
            raise TimeoutError("too many calls are still running")

        def counted() -> Result:
            try:
                return call()
            finally:
                self._free.release()

        return call_within(seconds, counted)
