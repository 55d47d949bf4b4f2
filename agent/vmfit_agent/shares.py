"""Shares a few places among callers, so that nobody keeps all of them."""

import threading
from collections import Counter
from collections.abc import Hashable


class Shares:
    """So many places, of which a caller takes another one while it holds fewer than are free.

    One caller gets half of them, of N callers each a part in N + 1. Safe to use from several
    threads.
    Source: dynamic thresholds (Choudhury and Hahne, 1998).
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._held: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def take(self, caller: Hashable) -> bool:
        """Take a place at once, or return False."""
        with self._lock:
            if self._held[caller] >= self._free:
                return False
            self._free -= 1
            self._held[caller] += 1
            return True

    def give_back(self, caller: Hashable) -> None:
        """Give back a place that was taken."""
        with self._lock:
            self._free += 1
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]
