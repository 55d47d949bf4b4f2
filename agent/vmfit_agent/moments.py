"""When answers are given, so that who asks again can tell whether one follows the other."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from vmfit.v1.host_metadata_service_pb2 import Moment

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Moments:
    """Gives every answer a moment of its own. Safe to use from several threads.

    Source: CLOCK_BOOTTIME of clock_gettime(2), which nobody sets; boot_id of random(4).
    """

    def __init__(self, boot_id_file: Path = _BOOT_ID, told_as: Callable[[str], str] = str) -> None:
        self._lock = threading.Lock()
        self._latest = 0
        try:
            self._boot_id = told_as(boot_id_file.read_text("ascii").strip()) or None
        except (OSError, ValueError):
            self._boot_id = None

    def now(self) -> Moment:
        """Return the present moment; none is given twice."""
        with self._lock:
            now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            self._latest = max(now, self._latest + 1)
            moment = Moment(boot_id=self._boot_id)
            moment.since_boot.FromNanoseconds(self._latest)
            return moment
