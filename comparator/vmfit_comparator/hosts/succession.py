"""Whether an agent's answers follow one another: one that was kept and given again does not.

Nothing that an agent says of its time can be proved. What is compared is how its clock since boot,
which nobody sets, went on between two answers, with how the comparator's own did.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from vmfit.v1.host_metadata_service_pb2 import Moment

# What two clocks that nobody sets may differ by: their rates are corrected by less than 0.1 %.
_RATE = 0.002
_SLACK_SECONDS = 1.0
_PLAUSIBLE_OFFSET_SECONDS = 10.0


def monotonic_seconds() -> float:
    """Return the comparator's own time by a clock that nobody sets, time asleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Told(NamedTuple):
    """What an answer said of its moment, and when it came, by `monotonic_seconds`."""

    boot_id: str | None
    since_boot_seconds: float
    """By an agent that does not tell it, what the host's wall clock shows."""
    sent: float
    """When it was asked for."""
    received: float

    @classmethod
    def of(cls, moment: Moment, sent: float, received: float) -> "Told":
        """Return what an answer's moment tells."""
        seconds = moment.since_boot.seconds + moment.since_boot.nanos / 1e9
        return cls(moment.boot_id if moment.HasField("boot_id") else None, seconds, sent, received)


class SuccessionError(ValueError):
    """Answers that do not follow one another; the message says why."""


class Succession:
    """One agent's answers. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: Told | None = None

    def accept(self, told: Told, offset_seconds: float, ask_again: Callable[[], Told]) -> None:
        """Accept an answer that follows the one before; raises SuccessionError otherwise.

        In doubt the agent is asked again: a host that was paused as a whole, as virtual machines
        are, goes on from where it was, and what is given a second time does not. There is doubt
        about the first answer too, when its wall clock is another than the comparator's by
        `offset_seconds`.
        """
        with self._lock:
            latest = self._latest
        if latest is None:
            in_doubt = abs(offset_seconds) > _PLAUSIBLE_OFFSET_SECONDS
        else:
            in_doubt = bool(why_not_after(latest, told))
        if in_doubt:
            again = ask_again()
            if reason := why_not_after(told, again):
                raise SuccessionError(f"its answers do not follow one another: {reason}")
            told = again
        with self._lock:
            if self._latest is None or told.received > self._latest.received:
                self._latest = told


def why_not_after(earlier: Told, later: Told) -> str:
    """Return why one answer cannot have been given after another; "" when it can."""
    least = (later.sent - earlier.received) * (1 - _RATE) - _SLACK_SECONDS
    most = (later.received - earlier.sent) * (1 + _RATE) + _SLACK_SECONDS
    if None not in (earlier.boot_id, later.boot_id) and earlier.boot_id != later.boot_id:
        if later.since_boot_seconds <= most:
            return ""
        return (
            f"it booted {later.since_boot_seconds:.0f} s ago, and "
            f"{later.received - earlier.received:.0f} s ago ran since another boot"
        )
    went_on = later.since_boot_seconds - earlier.since_boot_seconds
    if later.sent >= earlier.received and went_on <= 0:
        return "one was given before, or its clock since boot stands still"
    if least <= went_on <= most:
        return ""
    return (
        f"its clock since boot went on by {went_on:.1f} s in "
        f"{later.received - earlier.received:.1f} s"
    )
