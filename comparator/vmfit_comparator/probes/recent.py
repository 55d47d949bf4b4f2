"""Answers about the ways between two hosts, kept for a moment: schedulers ask for many VMs."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit_comparator.knowledge.migration_ways import Way

_SECONDS = 10.0
_MAX_PAIRS = 4096

_Key = tuple[str, str, str, tuple[Way, ...]]


class RecentWays:
    """Answers without errors, by hosts, name and ways. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[float, ProbeAnswers]] = OrderedDict()

    def find(self, here: str, there: str, name: str, ways: Sequence[Way]) -> ProbeAnswers | None:
        """Return the answers of the last seconds; None without any. They are read, not changed."""
        with self._lock:
            kept = self._kept.get((here, there, name, tuple(ways)))
        if kept is None or time.monotonic() - kept[0] > _SECONDS:
            return None
        return kept[1]

    def keep(
        self, here: str, there: str, name: str, ways: Sequence[Way], answers: ProbeAnswers
    ) -> None:
        """Keep answers; those with an error are asked for again."""
        found = (answers.destination_name, answers.migration_port, answers.disks_port)
        if any(each.error for each in found):
            return
        key = (here, there, name, tuple(ways))
        with self._lock:
            self._kept[key] = (time.monotonic(), answers)
            self._kept.move_to_end(key)
            while len(self._kept) > _MAX_PAIRS:
                self._kept.popitem(last=False)
