"""How long to wait for an agent: one that was silent lately costs nobody much time again."""

import threading
import time

# Who was given less time than this and did not answer may only be slow.
_LONG_SECONDS = 2.0
_BRIEF_SECONDS = 1.0
_REMEMBERED_SECONDS = 60.0


class Patience:
    """What is known of one agent's silence, by method. Safe to use from several threads.

    One that was waited for in vain for a long time is waited for briefly in the next minute: then
    somebody waits long again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._silent_until: dict[str, float] = {}

    def seconds(self, method: str, until: float) -> float:
        """Return how long to wait now for an answer that is wanted by `until`; maybe nothing."""
        now = time.monotonic()
        with self._lock:
            is_silent = now < self._silent_until.get(method, 0.0)
        remaining = max(until - now, 0.0)
        return min(remaining, _BRIEF_SECONDS) if is_silent else remaining

    def answered(self, method: str) -> None:
        """Note an answer, whatever it was."""
        with self._lock:
            self._silent_until.pop(method, None)

    def waited(self, method: str, seconds: float) -> None:
        """Note that there was no answer in so many seconds."""
        if seconds >= _LONG_SECONDS:
            with self._lock:
                self._silent_until[method] = time.monotonic() + _REMEMBERED_SECONDS
