"""What estimates are worth: beside real migrations that tests/e2e/times.json has.

python -m tests.comparator.recorded_times prints both halves: constants are fitted on the one, and
the other tells what the estimates are worth.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.comparator.builders import migration
from tests.comparator.test_facts_convergence import SPEED
from tests.e2e.timed import is_for_fitting
from vmfit.v1.estimate_pb2 import MigrationEstimate, Span
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.knowledge.copying.estimate import estimate
from vmfit_comparator.virsh_options import parse_virsh_migrate

_RECORDS = Path(__file__).parents[1] / "e2e/times.json"
_LINK_BITS_PER_SECOND = 10_000_000_000
"""What the lab's cable says of itself."""


@dataclass(frozen=True)
class Recorded:
    """One migration: what was known before, and what it took."""

    line: str
    given: Mapping[str, Any]
    options: Sequence[str]
    ended: bool
    """Otherwise it was given up after a minute."""
    measured: Mapping[str, float]
    """Where libvirt tells of no bytes, and no downtime, they are 0: of post-copy."""

    def case(self) -> Case:
        """Return the migration as it was asked about."""
        options = parse_virsh_migrate([*self.options, "guest", "qemu+tcp://beta/system"], _no_file)
        known = {SPEED: _LINK_BITS_PER_SECOND, **self.given, "vm.disks[0].target": "vdb"}
        case = migration(known)
        case.options.CopyFrom(options.options)
        return case

    def estimate(self) -> MigrationEstimate:
        """Return what is said of it today."""
        told = estimate(self.case())
        assert told is not None
        return told


def recorded(*, for_fitting: bool) -> list[Recorded]:
    """Return one half."""
    known = json.loads(_RECORDS.read_text())
    names = ("given", "options", "ended", "measured")
    return [
        Recorded(line, *(known[line][name] for name in names))
        for line in known
        if is_for_fitting(line) == for_fitting
    ]


@dataclass(frozen=True)
class Worth:
    """What estimates are worth."""

    migrations: int
    total_median: float
    """Of the relative error of the total."""
    total_90th: float
    total_within: float
    """How many totals lie in the interval."""
    downtime_90th_seconds: float
    downtime_within: float
    sent_median: float
    timeouts_right: float
    """Of those with --timeout, and those that were given up."""


def worth(records: Iterable[Recorded]) -> Worth:
    """Compare the estimates of some migrations with what they took."""
    both = [(each, each.estimate()) for each in records]
    ended = [(each.measured, told) for each, told in both if each.ended]
    totals = [(was["total_seconds"], told.total_seconds) for was, told in ended]
    stands = [
        (was["downtime_seconds"], told.downtime_seconds)
        for was, told in ended
        if was.get("downtime_seconds")
    ]
    sent = [(was["sent_bytes"], told.sent_bytes) for was, told in ended if was.get("sent_bytes")]
    decided = [_decided(each, told) for each, told in both]
    timeouts = [each for each in decided if each is not None]
    relative = _errors(totals, lambda was, said: abs(said - was) / was)
    absolute = _errors(stands, lambda was, said: abs(said - was))
    return Worth(
        migrations=len(both),
        total_median=_quantile(relative, 0.5),
        total_90th=_quantile(relative, 0.9),
        total_within=_share(_lies_in(*each) for each in totals),
        downtime_90th_seconds=_quantile(absolute, 0.9),
        downtime_within=_share(_lies_in(*each) for each in stands),
        sent_median=_quantile(_errors(sent, lambda was, said: abs(said - was) / was), 0.5),
        timeouts_right=_share(timeouts),
    )


def _decided(each: Recorded, told: MigrationEstimate) -> bool | None:
    """Tell whether it was foreseen that it ends, or that --timeout acts; None: nobody knows."""
    if "--timeout" not in each.options:
        return told.total_seconds.HasField("expected") == each.ended
    seconds = float(each.options[list(each.options).index("--timeout") + 1])
    return told.ends_before_timeout == (each.measured["total_seconds"] < seconds)


def _errors(
    pairs: Iterable[tuple[float, Span]], error: Callable[[float, float], float]
) -> list[float]:
    return [error(was, said.expected) for was, said in pairs if said.HasField("expected")]


def _lies_in(was: float, said: Span) -> bool:
    return said.low <= was and (not said.HasField("high") or was <= said.high)


def _share(told: Iterable[bool]) -> float:
    values = list(told)
    return sum(values) / len(values) if values else 1.0


def _quantile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _no_file(name: str) -> bytes:
    raise FileNotFoundError(name)


def _lines(records: Iterable[Recorded]) -> Iterable[str]:
    for each in records:
        told = each.estimate()
        was = each.measured
        total, still = told.total_seconds, told.downtime_seconds
        miss = (total.expected - was["total_seconds"]) / was["total_seconds"]
        marks = "" if each.ended else " not ended"
        marks += "" if not each.ended or _lies_in(was["total_seconds"], total) else " OUTSIDE"
        stood = was.get("downtime_seconds", 0)
        marks += "" if not each.ended or _lies_in(stood, still) else " STILL-OUTSIDE"
        marks += "" if _decided(each, told) else " WRONG"
        yield (
            f"{each.line:64} {was['total_seconds']:6.2f}: {total.expected:6.2f} ({total.low:.2f} to"
            f" {total.high:.2f}) {miss:+.0%}; {stood:.2f}: {still.expected:.2f}"
            f" ({still.low:.2f} to {still.high:.2f}); {was.get('sent_bytes', 0) / 1e6:.0f}:"
            f" {told.sent_bytes.expected / 1e6:.0f}{marks}"
        )


if __name__ == "__main__":
    for half in (True, False):
        found = recorded(for_fitting=half)
        name = "for fitting" if half else "for testing"
        sys.stdout.write("\n".join([*_lines(found), f"{name}: {worth(found)}", "", ""]))
