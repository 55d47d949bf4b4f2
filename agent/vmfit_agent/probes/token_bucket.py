"""A rate that allows bursts."""

import threading
import time
from collections.abc import Callable


class TokenBucket:
    """Holds at most a minute's tokens, and fills evenly. Safe to use from several threads."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._tokens = float(per_minute)
        self._filled_at = clock()
        self._lock = threading.Lock()

    def take(self, count: int) -> float:
        """Take so many tokens at once and return 0, or take none and return the seconds to wait."""
        with self._lock:
            now = self._clock()
            rate = self._per_minute / 60
            gained = (now - self._filled_at) * rate
            self._tokens = min(self._tokens + gained, float(self._per_minute))
            self._filled_at = now
            if count > self._tokens:
                return (count - self._tokens) / rate
            self._tokens -= count
            return 0.0
