"""How old the inputs of a fact are, and how old the policy lets them be."""

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import NamedTuple

from vmfit.v1.options_pb2 import Volatility
from vmfit.v1.policy_pb2 import Freshness, FreshnessBound
from vmfit.v1.snapshot_pb2 import PartStatus
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.field_path import AgesAs, FieldPath
from vmfit_comparator.evaluation.lookup import Lookup
from vmfit_contract.part_age import part_age_seconds


class Age(NamedTuple):
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


# Not expired, how long still fresh: that is least for the age that limits an answer. Then the age
# and the bounds for it.
_Rank = tuple[bool, float, float, tuple[float, float]]


class PartAges:
    """The ages of both snapshots' parts.

    An age is the time from the part's collection to the snapshot's `taken_at`, by the host's own
    clock, plus the time since then by the comparator's: wrong clocks cancel out. A part that does
    not say when it was collected is as old as its snapshot.
    """

    def __init__(self, case: Case) -> None:
        self._statuses: dict[tuple[str, str], PartStatus] = {}
        self._ages: dict[tuple[str, str | None], float] = {}
        self._errors = {
            "source": case.ages.source_error,
            "destination": case.ages.destination_error,
        }
        bounds = {
            volatility: (bound.fresh_seconds, bound.stale_seconds)
            for volatility, bound in bounds_of(case.policy.freshness).items()
        }
        since = {
            "source": case.ages.source_seconds,
            "destination": case.ages.destination_seconds,
        }
        for side, snapshot in (
            ("source", case.source),
            ("destination", case.destination),
        ):
            for status in snapshot.parts:
                self._statuses[side, status.name] = status
                age = part_age_seconds(status, snapshot.taken_at)
                if age is not None:
                    self._ages[side, status.name] = age + since[side]
        ages = {**self._ages}
        if case.ages.vm_from_snapshot:
            recorded = ages.get(("source", "domains"), since["source"])
            ages["vm", None] = ages["incoming", None] = recorded
        self._ranks = Lookup[AgesAs, _Rank | None](lambda each: _rank(each, ages, since, bounds))

    def oldest(self, paths: Iterable[FieldPath]) -> Age | None:
        """Return the age that limits an answer; None when no part is read.

        That is of an input too old to tell, else of the one that goes stale first.
        """
        ranked = [(rank, path) for path in paths if (rank := self._ranks[path.ages_as])]
        if not ranked:
            return None
        (_, _, seconds, bounds), path = min(ranked, key=itemgetter(0))
        return Age(path.text, seconds, *bounds)

    def of_parts(self) -> Iterator[tuple[str, float]]:
        """Yield "source.cpu" and the like with its age in seconds; the source's parts first."""
        for (side, part), seconds in self._ages.items():
            yield f"{side}.{part}", seconds

    def why_absent(self, path: FieldPath) -> str:
        """Return " (why)" when a path's part is absent for a known reason, else an empty text."""
        if error := self._errors.get(path.root):
            return f" ({path.root}'s agent: {error})"
        status = self._statuses.get((path.root, path.part or ""))
        return f" ({status.error})" if status is not None and status.error else ""


def _rank(
    ages_as: AgesAs,
    ages: Mapping[tuple[str, str | None], float],
    since: Mapping[str, float],
    bounds: Mapping[Volatility.ValueType, tuple[float, float]],
) -> _Rank | None:
    root, part, volatility = ages_as
    seconds = ages.get((root, part), since.get(root))
    if seconds is None or volatility not in bounds:
        return None
    fresh, stale = bounds[volatility]
    return seconds <= stale, fresh - seconds, seconds, (fresh, stale)


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
