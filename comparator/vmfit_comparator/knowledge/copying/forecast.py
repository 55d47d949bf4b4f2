"""What a migration costs in time, before it is started."""

from dataclasses import dataclass, replace

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.knowledge.copying.asked import Asked, asked
from vmfit_comparator.knowledge.copying.outlooks import (
    STARTED_SECONDS,
    SWITCHED_SECONDS,
    contents,
    disk_seconds,
    measured_rate,
    speeds,
    writings,
)
from vmfit_comparator.knowledge.copying.rounds import Copied, Writing, copied
from vmfit_comparator.knowledge.migration_link import link_bytes_per_second

_IDLE = Writing(0.0, 1.0, 1.0, 1.0, 0.0)


def _all_of(memory_bytes: float) -> Writing:
    """Return the writing of a guest of which nothing is known, at its worst."""
    return Writing(memory_bytes, 1.0, 0.0, 0.0, memory_bytes)


_RATE, _LINK, _SIZE = (
    "probes.dirty_rate",
    "source.network.interfaces.speed_bits_per_second",
    "vm.disks.source.allocation_bytes",
)


@dataclass(frozen=True, slots=True)
class Reach:
    """A value between two others; None for what has no bound, or cannot be told."""

    low: float
    expected: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Total and downtime in seconds, bytes that are sent, how much the guest is slowed."""

    total: Reach
    downtime: Reach
    sent: Reach
    slowed_percent: Reach
    by_timeout: tuple[bool, bool, bool]
    """Whether --timeout acts, at its best, as expected and at its worst."""
    endless: tuple[bool, bool, bool]
    """Whether the copy never ends, at its best, as expected and at its worst."""
    missing: tuple[str, ...]


@once
def forecast(case: Case) -> Forecast:
    """Return what the case's own options lead to."""
    return forecast_of(asked(case), case)


def forecast_of(how: Asked, case: Case) -> Forecast:
    """Play the copy three times: at its best, as expected, at its worst."""
    what, rate, speed = contents(case), measured_rate(case), speeds(how, case)
    still = not (what.runs and how.live)
    unknown = (_IDLE, _IDLE, _all_of(what.memory_bytes))
    writes = unknown if rate is None else writings(rate, what.memory_bytes)
    downtime = rate.maximum_downtime_seconds if rate is not None else None
    disks = disk_seconds(what, speed)
    plays = []
    for index in range(3):
        before = STARTED_SECONDS[index] + disks[index]
        manner = how.manner(downtime, before, runs=what.runs)
        filled = what.filled_bytes[index]
        end = copied(filled, what.memory_bytes, writes[index], speed[index], manner)
        plays.append(_whole(end, before, what.disk_bytes, index, running=what.runs, still=still))
    missing = () if rate is not None or still else (_RATE,)
    if not (link_bytes_per_second(case) or how.limit_bytes):
        missing = (*missing, _LINK)
    if not what.disks_known:
        missing = (*missing, _SIZE)
    return _joined(plays, missing)


def _whole(
    end: Copied, before: float, disk_bytes: float, index: int, *, running: bool, still: bool
) -> Copied:
    """Add to the rounds what is around them."""
    switch = SWITCHED_SECONDS[index]
    stands = end.still_seconds + switch + (before if still else 0)
    return replace(
        end,
        seconds=end.seconds + before + switch,
        still_seconds=stands if running else 0.0,
        sent_bytes=end.sent_bytes + disk_bytes,
    )


def _joined(plays: list[Copied], missing: tuple[str, ...]) -> Forecast:
    best, expected, worst = plays
    bounded = all(each.ends for each in plays) and not (set(missing) - {_RATE})

    def reach(name: str) -> Reach:
        values = [getattr(each, name) for each in plays]
        likely = values[1] if expected.ends and not missing else None
        known = [each for each in (*values[::2], likely) if each is not None]
        return Reach(min(known), likely, max(known) if bounded else None)

    slowed = [each.slowed_percent for each in plays]
    return Forecast(
        total=reach("seconds"),
        downtime=reach("still_seconds"),
        sent=reach("sent_bytes"),
        slowed_percent=Reach(min(slowed), slowed[1], max(slowed)),
        by_timeout=(best.by_timeout, expected.by_timeout, worst.by_timeout),
        endless=(not best.ends, not expected.ends, not worst.ends),
        missing=missing,
    )
