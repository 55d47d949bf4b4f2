"""How old the inputs of a fact are, and how old the policy lets them be."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from vmfit.v1.options_pb2 import Volatility
from vmfit.v1.policy_pb2 import Freshness, FreshnessBound
from vmfit.v1.snapshot_pb2 import PartStatus
from vmfit_comparator.evaluation.field_path import FieldPath
from vmfit_comparator.evaluation.migration import Migration


@dataclass(frozen=True, slots=True)
class Age:
    """The age of one input, beside the bounds for its volatility."""

    path: str
    seconds: float
    fresh_seconds: float
    stale_seconds: float

    @property
    def fresh_for_seconds(self) -> float:
        """How long the input stays fresh from now on; negative when it is no longer."""
        return self.fresh_seconds - self.seconds

    @property
    def is_fresh(self) -> bool:
        """The answer stands as it is."""
        return self.seconds <= self.fresh_seconds

    @property
    def is_expired(self) -> bool:
        """Nothing can be said any more."""
        return self.seconds > self.stale_seconds

    @property
    def text(self) -> str:
        """The age for people."""
        return duration_text(self.seconds)


# A path after what is least for the one that limits an answer: not expired, how long still fresh.
_Ranked = tuple[tuple[bool, float], FieldPath]


class PartAges:
    """The ages of both snapshots' parts.

    An age is the time from the part's collection to the snapshot's `taken_at`, both by the host's
    own clock, plus the time since then by the comparator's clock: wrong clocks cancel out.
    """

    def __init__(self, migration: Migration) -> None:
        self._statuses: dict[tuple[str, str], PartStatus] = {}
        self._ages: dict[tuple[str, str], float] = {}
        self._ranks: dict[FieldPath, _Ranked | None] = {}
        self._unreachable = migration.unreachable
        self._vm_is_recorded = migration.vm_from_snapshot
        self._bounds = {
            volatility: (bound.fresh_seconds, bound.stale_seconds)
            for volatility, bound in bounds_of(migration.policy.freshness).items()
        }
        for side, snapshot, since in (
            ("source", migration.source, migration.source_age_seconds),
            ("destination", migration.destination, migration.destination_age_seconds),
        ):
            taken = snapshot.taken_at.seconds + snapshot.taken_at.nanos / 1e9
            for status in snapshot.parts:
                collected = status.collected_at.seconds + status.collected_at.nanos / 1e9
                self._statuses[side, status.name] = status
                self._ages[side, status.name] = max(taken - collected, 0.0) + since

    def oldest(self, paths: Iterable[FieldPath]) -> Age | None:
        """Return the age that limits an answer; None when no part is read.

        That is of an input too old to tell, else of the one that goes stale first.
        """
        ranked = [known for path in paths if (known := self._ranked(path)) is not None]
        return self._age(min(ranked, key=itemgetter(0))[1]) if ranked else None

    def of_parts(self) -> Iterator[tuple[str, float]]:
        """Yield "source.cpu" and the like with its age in seconds; the source's parts first."""
        for (side, part), seconds in self._ages.items():
            yield f"{side}.{part}", seconds

    def why_absent(self, path: FieldPath) -> str:
        """Return " (why)" when a path's part is absent for a known reason, else an empty text."""
        if path.root in self._unreachable:
            return f" ({path.root}'s agent: {self._unreachable[path.root]})"
        status = self._statuses.get((path.root, path.part or ""))
        return f" ({status.error})" if status is not None and status.error else ""

    def _ranked(self, path: FieldPath) -> _Ranked | None:
        if path not in self._ranks:
            seconds = self._seconds(path)
            if seconds is None:
                self._ranks[path] = None
            else:
                fresh, stale = self._bounds[path.volatility]
                self._ranks[path] = (seconds <= stale, fresh - seconds), path
        return self._ranks[path]

    def _age(self, path: FieldPath) -> Age | None:
        seconds = self._seconds(path)
        return None if seconds is None else Age(path.text, seconds, *self._bounds[path.volatility])

    def _seconds(self, path: FieldPath) -> float | None:
        side, part = path.root, path.part
        if part is None and self._vm_is_recorded and side in ("vm", "incoming"):
            side, part = "source", "domains"
        if part is None or path.volatility not in self._bounds:
            return None
        return self._ages.get((side, part))


def duration_text(seconds: float) -> str:
    """Return a time span for people: "119 s", "2 min", "3 h", "4 days"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"


def bounds_of(freshness: Freshness) -> dict[Volatility.ValueType, FreshnessBound]:
    """Return the bound for each volatility."""
    return {
        Volatility.VOLATILITY_VOLATILE: freshness.volatile_fields,
        Volatility.VOLATILITY_SLOW: freshness.slow_fields,
        Volatility.VOLATILITY_STATIC: freshness.static_fields,
    }
