"""How often each caller may ask, and all of them together."""

import threading
from collections import OrderedDict

from vmfit_agent.probes.token_bucket import TokenBucket

CALLERS_REMEMBERED = 256
"""Of more, those that asked longest ago are forgotten; then the rate of all bounds them."""
CALLERS_TOGETHER = 4
"""All callers together may ask so many times as often as one."""


class CallerRates:
    """A rate for each caller beside one for all. Safe to use from several threads."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._all = TokenBucket(per_minute * CALLERS_TOGETHER)
        self._callers: OrderedDict[str, TokenBucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, caller: str, count: int) -> float:
        """Take so many questions and return 0, or take none and return the seconds to wait."""
        with self._lock:
            bucket = self._callers.get(caller)
            if bucket is None:
                bucket = self._callers[caller] = TokenBucket(self._per_minute)
            self._callers.move_to_end(caller)
            if len(self._callers) > CALLERS_REMEMBERED:
                self._callers.popitem(last=False)
        # Who may not ask takes nothing from the others.
        return bucket.take(count) or self._all.take(count)
