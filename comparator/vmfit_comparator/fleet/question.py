"""One VM that looks for a place in a fleet: the case with each host."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b

from vmfit.v1.case_pb2 import ClockComparison, SnapshotAges
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import FieldPath
from vmfit_comparator.evaluation.freshness import Age, PartAges
from vmfit_comparator.evaluation.lookup import Lookup
from vmfit_comparator.evaluation.rests_on import RestsOn
from vmfit_comparator.evaluation.subjects import found
from vmfit_comparator.fleet.hosts import FleetHost
from vmfit_comparator.fleet.names import Wanted, wanted


@dataclass(frozen=True)
class Question:
    """What is asked of every host. `case` has all but the destination: its snapshot is empty."""

    case: Case
    facts: Sequence[Fact]
    now: float
    """By the clock by which hosts' snapshots were received."""
    source_clock: tuple[float | None, float] = (None, 0.0)

    def with_host(self, host: FleetHost, snapshot: Snapshot | None = None) -> Case:
        """Return the case of one host; `snapshot` is its own, where that is at hand."""
        own, theirs = self.source_clock[0], host.clock_offset_seconds
        clock = ClockComparison()
        if own is not None and theirs is not None:
            clock.difference_seconds = theirs - own
            clock.uncertainty_seconds = self.source_clock[1] + host.clock_uncertainty_seconds
        ages = SnapshotAges()
        ages.CopyFrom(self.case.ages)
        ages.destination_seconds = max(self.now - host.received, 0.0)
        ages.destination_error = host.error
        return replace(
            self.case, destination=snapshot or host.stored.message(), clock=clock, ages=ages
        )

    @cached_property
    def digest(self) -> bytes:
        """What stands for all that is asked, but for ages."""
        case = self._timeless
        whole = blake2b(",".join(each.id for each in self.facts).encode(), digest_size=16)
        for each in (case.source, case.vm, case.incoming, case.options, case.policy, case.probes):
            text = each.SerializeToString(deterministic=True)
            whole.update(b"%d:" % len(text) + text)
        return whole.digest()

    @cached_property
    def _rests_on(self) -> RestsOn:
        return RestsOn(self._timeless, PartAges(self._timeless))

    @cached_property
    def _timeless(self) -> Case:
        return replace(self.case, ages=SnapshotAges(), clock=ClockComparison())

    def key(self, fact: Fact) -> bytes | None:
        """Return what stands for all that the fact reads beside the destination, but for ages."""
        return self._rests_on.key(fact)

    def is_settled(self, fact: Fact) -> bool:
        """Return whether no host's values can make the fact apply."""
        applicability, case = fact.applicability, self._timeless
        if applicability.why_not(case):
            return True
        any_of = applicability.any_of
        if any_of and not any(each.root == "destination" or each.holds(case) for each in any_of):
            return True
        tells = fact.tells_subjects
        if any(each.root == "destination" or each.values(case) is None for each in tells):
            return False
        return bool(fact.each) and not found(fact.each, case)

    def wanted(self, fact: Fact) -> Wanted:
        """Return what the names of hosts are compared with."""
        return wanted(fact, self._timeless)

    @cached_property
    def own_ages(self) -> Lookup[FieldPath, Age | None]:
        """The age of each input that is not the destination's."""
        ages = PartAges(self.case)
        return Lookup(lambda path: ages.oldest((path,)))
