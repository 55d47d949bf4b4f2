"""Log lines that a peer can cause as often as it likes: a few of a kind, then their number."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

_PERIOD_SECONDS = 60.0
_LINES_PER_PERIOD = 5
_MAX_KINDS = 256


class _Count(NamedTuple):
    since: float
    lines: int


class QuietLog:
    """Writes a few lines of each kind a minute. Safe to use from several threads."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, _Count] = {}

    def tell(
        self,
        kind: str,
        line: str,
        level: int = logging.WARNING,
        fields: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Write the line, unless there were enough of its kind in this minute.

        The first line of a later minute tells how many were left out. `fields` are for the journal.
        """
        now = self._clock()
        with self._lock:
            count = self._counts.get(kind, _Count(now, 0))
            left_out = 0
            if now - count.since >= _PERIOD_SECONDS:
                left_out = max(count.lines - _LINES_PER_PERIOD, 0)
                count = _Count(now, 0)
            if kind not in self._counts and len(self._counts) >= _MAX_KINDS:
                self._counts.pop(next(iter(self._counts)))
            self._counts[kind] = count._replace(lines=count.lines + 1)
        if count.lines >= _LINES_PER_PERIOD:
            return
        more = f" ({left_out} more of this kind were not written)" if left_out else ""
        self._log.log(level, "%s%s", line, more, extra={"fields": fields})
