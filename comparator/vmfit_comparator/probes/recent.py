"""Answers that are kept for a moment: schedulers ask for many VMs, and for many hosts."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

_SECONDS = 10.0
_MAX_KEPT = 4096

Found = TypeVar("Found")


class Recent(Generic[Found]):
    """Answers by what they are about. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, Found]] = OrderedDict()

    def find(self, key: Hashable) -> Found | None:
        """Return the answer of the last seconds; None without any. It is read, not changed."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or time.monotonic() - kept[0] > _SECONDS:
            return None
        return kept[1]

    def forget(self, key: Hashable) -> None:
        """Drop what is kept."""
        with self._lock:
            self._kept.pop(key, None)

    def keep(self, key: Hashable, found: Found) -> None:
        """Keep an answer, which is not changed any more."""
        with self._lock:
            self._kept[key] = (time.monotonic(), found)
            self._kept.move_to_end(key)
            while len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
