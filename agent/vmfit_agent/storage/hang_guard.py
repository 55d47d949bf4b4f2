"""Asks what may hang, gives up in time, and does not ask again while it hangs."""

import threading
from collections.abc import Callable
from typing import TypeVar

from vmfit_agent.bounded_call import call_within

Answer = TypeVar("Answer")


class HangGuard:
    """Remembers what hangs. Safe to use from several threads.

    A question to a dead server keeps its thread until the server is back. Asked again and again,
    an agent would run out of threads; so a place that hangs is asked one question at a time.
    """

    def __init__(self) -> None:
        self._hanging: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def ask(self, place: str, seconds: float, question: Callable[[], Answer]) -> Answer:
        """Return the answer, or raise what the question raised.

        TimeoutError when it takes longer, and at once while an earlier question about the same
        place has not come back.
        """
        with self._lock:
            earlier = self._hanging.get(place)
        if earlier is not None and not earlier.is_set():
            raise TimeoutError(f"{place} does not answer")
        ended = threading.Event()

        def ask() -> Answer:
            try:
                return question()
            finally:
                ended.set()

        try:
            return call_within(seconds, ask)
        except TimeoutError:
            with self._lock:
                self._hanging[place] = ended
            raise
        finally:
            if ended.is_set():
                with self._lock:
                    self._hanging.pop(place, None)


# One for the process: a server stays dead from one description to the next.
HANG_GUARD = HangGuard()
