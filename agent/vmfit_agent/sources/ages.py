"""How old what was collected may be: for callers, after events, and for the host's sake."""

from collections.abc import Callable, Mapping

from vmfit_agent.collected_part import CollectedPart
from vmfit_agent.collectors import Collector

LONGEST_PERIOD_SECONDS = 300.0
"""Parts without a period are collected anew after this long: not every change has an event."""
RETRY_SECONDS = 10.0
"""A part that could not be collected is tried again after this long."""
YOUNG_SECONDS = 0.5
MOST_YOUNG_SECONDS = 5.0
COST_TIMES = 10
"""For who spares the host a part is young for ten times as long as its collection took: a caller
who asks again and again for the newest costs a tenth of a CPU, whatever the host's size."""


class Ages:
    """Ages in seconds, of parts by name; times are those of time.monotonic()."""

    def __init__(
        self, collectors: Mapping[str, Collector], latest: Callable[[str], CollectedPart | None]
    ) -> None:
        """`latest` gives what was collected last of a part."""
        self._collectors = collectors
        self._latest = latest
        self._valid_since: dict[str, float] = {}
        self.spares_host = False
        """Whether what is young is new enough for every caller, unless an event came since."""

    def bound(self, name: str, max_age_seconds: float | None, now: float) -> float:
        """Return when the collection must have begun that a caller is answered from.

        Without a maximum age that is at most the part's period ago.
        """
        if max_age_seconds is None:
            age = self.period(name)
        else:
            age = max(max_age_seconds, self._young_seconds(name) if self.spares_host else 0.0)
        return max(now - age, self.valid_since(name))

    def period(self, name: str) -> float:
        """Return how long a part counts as it is, without events."""
        latest = self._latest(name)
        if latest is None or latest.message is None:
            return RETRY_SECONDS
        return self._collectors[name].period_seconds or LONGEST_PERIOD_SECONDS

    def invalidate(self, name: str, now: float) -> None:
        """Note an event that made a part outdated."""
        self._valid_since[name] = now

    def valid_since(self, name: str) -> float:
        """Return the time of the part's last event; 0 before the first."""
        return self._valid_since.get(name, 0.0)

    def _young_seconds(self, name: str) -> float:
        latest = self._latest(name)
        if latest is None:
            return 0.0
        took = latest.status.duration.ToNanoseconds() / 1e9
        return min(max(COST_TIMES * took, YOUNG_SECONDS), MOST_YOUNG_SECONDS)
