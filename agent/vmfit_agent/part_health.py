"""Follows how the parts fare, so that health says which of them are there."""

import threading
from collections.abc import Callable, Mapping

from vmfit_agent.calls import CallFailed, Calls

PAUSE_SECONDS = 10.0
_ANSWER_SECONDS = 5.0


class PartHealth:
    """Reports which parts are there, by name, in a thread of its own. Nothing is collected."""

    def __init__(self, calls: Calls, report: Callable[[Mapping[str, bool]], object]) -> None:
        self._calls = calls
        self._report = report
        self._closed = threading.Event()

    def start(self) -> None:
        """Begin to report, until it is closed."""
        threading.Thread(target=self._follow, name="part-health", daemon=True).start()

    def close(self) -> None:
        """Report no more."""
        self._closed.set()

    def _follow(self) -> None:
        while not self._closed.is_set():
            try:
                states = self._calls.part_states(None, _ANSWER_SECONDS)
            except CallFailed:
                # Then the service itself does not answer, and that is said of it.
                states = {}
            self._report({name: state.is_there for name, state in states.items()})
            self._closed.wait(PAUSE_SECONDS)
