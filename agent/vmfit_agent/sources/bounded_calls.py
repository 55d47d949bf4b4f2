"""Calls that may hang: bounded in time and in number, whatever becomes of them."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class BoundedCalls(Generic[Result]):
    """Runs calls in threads of their own; one that hangs keeps its thread, never its caller."""

    def __init__(self, limit: int) -> None:
        self._free = threading.BoundedSemaphore(limit)

    def run(self, call: Callable[[], Result], seconds: float) -> Result:
        """Return what the call returns, or raise what it raises.

        Raises TimeoutError when it takes longer, or when too many others are still running.
        """
        if not self._free.acquire(timeout=seconds):
            raise TimeoutError("too many calls are still running")
        ended = threading.Event()
        results: list[Result] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                results.append(call())
            except Exception as error:  # noqa: BLE001 -- raised again in the caller's thread
                errors.append(error)
            finally:
                self._free.release()
                ended.set()

        threading.Thread(target=run, name="bounded-call", daemon=True).start()
        if not ended.wait(seconds):
            raise TimeoutError(f"no answer within {seconds:g} s")
        if errors:
            raise errors[0]
        return results[0]
