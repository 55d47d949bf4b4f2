"""What the agent measures beside its calls: how each part of the snapshot fares."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from vmfit_agent.calls import CallFailed, Calls

MAX_AGE_SECONDS = 60.0
"""Older parts are collected to be measured: without callers nobody would find them failing."""
_SECONDS = 8.0


class PartMetrics:
    """Asks whoever collects, at each scrape."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def collect(self) -> Iterator[Metric]:
        """Yield the states of all parts; only that nobody answers when nobody does."""
        up = GaugeMetricFamily(
            "vmfit_agent_collector_up", "Whether the collecting process answers."
        )
        there = _family("up", "Whether the part could be collected the last time.")
        took = _family("collection_seconds", "How long its latest collection took.")
        age = _family("age_seconds", "The time since its latest collection began.")
        try:
            states = self._calls.part_states(MAX_AGE_SECONDS, _SECONDS)
            up.add_metric((), 1)
        except CallFailed:
            states = {}
            up.add_metric((), 0)
        for name, state in states.items():
            there.add_metric((name,), int(state.is_there))
            took.add_metric((name,), state.took_seconds)
            age.add_metric((name,), state.age_seconds)
        yield from (up, there, took, age)


def _family(name: str, what: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"vmfit_agent_part_{name}", what, labels=("part",))
