"""Since when an answer is what it is, and what changed then.

Answers may turn several times, so halving the whole past could pass over the last turn. Moments at
which a host changed are looked at from the latest back, and halved are the moments between two
changes, where only numbers differ.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vmfit.v1.comparator_service_pb2 import (
    CheckResponse,
    Difference,
    FactTurn,
    FindTurnResponse,
    HostDifference,
    Turn,
)
from vmfit.v1.finding_pb2 import Finding
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.differences.diff import diff, is_difference
from vmfit_comparator.past.track import Track
from vmfit_comparator.past.volatile import stable

Answered = Callable[[Snapshot, Snapshot], CheckResponse]
"""The check of one source and one destination, as they were."""

# Shorter than the time between two changes can be.
_JUST_BEFORE = 2e-6


@dataclass(frozen=True, slots=True)
class _Moment:
    at: float
    hosts: tuple[Snapshot, Snapshot]
    response: CheckResponse


@dataclass(frozen=True, slots=True)
class _Turned:
    """Between two moments the answer became another."""

    before: _Moment
    after: _Moment


class Turning:
    """Looks back over two hosts from a time on. Raises StoreError as tracks do."""

    def __init__(
        self, source: Track, destination: Track, answered: Answered, until: float, deadline: float
    ) -> None:
        """Take `until` as Unix time, and the `deadline` by the monotonic clock."""
        self._tracks = (source, destination)
        self._answered = answered
        self._deadline = deadline
        self._known: dict[tuple[float, float], CheckResponse] = {}
        self._now = self._moment(until)
        self._turned: dict[str, _Turned] = {}

    def find(self, facts: Sequence[str] = ()) -> FindTurnResponse:
        """Return since when the verdict, and each of the facts, is what it is.

        Without `facts` those that block, or that blocked until the verdict turned.
        """
        response = FindTurnResponse()
        blockers = _blockers(self._now.response)
        wanted = list(facts) or blockers
        looked_back_to, response.is_incomplete = self._look_back(["", *wanted])
        response.subject.CopyFrom(self._now.response.subject)
        response.verdict.CopyFrom(self._now.response.verdict)
        response.looked_back_to.FromNanoseconds(_ns(looked_back_to))
        turned = self._turned.get("")
        if turned is not None:
            response.verdict_before.CopyFrom(turned.before.response.verdict)
            response.turn.CopyFrom(self._turn(turned, None))
            if not wanted:
                wanted = _blockers(turned.before.response)
                self._turned |= dict.fromkeys(wanted, turned)
        response.facts.extend(self._fact(each) for each in wanted)
        return response

    def _look_back(self, wanted: Iterable[str]) -> tuple[float, bool]:
        """Find the turns; return what was the earliest that was looked at, and whether in vain."""
        left = set(wanted)
        first = max(each.since for each in self._tracks)
        turns = {at for each in self._tracks for at, _ in each.turns if at > first}
        later = self._now
        for at in [*sorted((each for each in turns if each <= later.at), reverse=True), first]:
            for moment in (at, at - _JUST_BEFORE) if at > first else (first,):
                if not left or time.monotonic() > self._deadline:
                    return later.at, bool(left)
                earlier = self._moment(moment)
                for each in [each for each in left if _said(each, earlier) != _said(each, later)]:
                    left.remove(each)
                    self._turned[each] = self._between(each, earlier, later)
                later = earlier
        return later.at, False

    def _between(self, fact: str, before: _Moment, after: _Moment) -> _Turned:
        """Return the two nearest moments between which a fact's answer turned."""
        inside = {
            at
            for each in self._tracks
            for at in each.samples(before.at, after.at)
            if before.at < at < after.at
        }
        moments = sorted(inside)
        while moments:
            middle = self._moment(moments[len(moments) // 2])
            if _said(fact, middle) == _said(fact, after):
                after, moments = middle, moments[: len(moments) // 2]
            else:
                before, moments = middle, moments[len(moments) // 2 + 1 :]
        return _Turned(before, after)

    def _moment(self, at: float) -> _Moment:
        (source_at, source), (destination_at, destination) = (each.at(at) for each in self._tracks)
        key = source_at, destination_at
        if key not in self._known:
            self._known[key] = self._answered(source, destination)
        return _Moment(at, (source, destination), self._known[key])

    def _turn(self, turned: _Turned, fact: str | None) -> Turn:
        turn = Turn()
        turn.at.FromNanoseconds(_ns(turned.after.at))
        seen = [
            before for each in self._tracks for at, before in each.turns if at == turned.after.at
        ]
        turn.seen_before.FromNanoseconds(_ns(max(seen, default=turned.before.at)))
        for track, before, after in zip(
            self._tracks, turned.before.hosts, turned.after.hosts, strict=True
        ):
            for each in _differences(before, after, fact):
                turn.differences.append(HostDifference(host=track.name, difference=each))
        return turn

    def _fact(self, fact: str) -> FactTurn:
        now = _finding(fact, self._now.response)
        told = FactTurn(finding=now)
        turned = self._turned.get(fact)
        if turned is not None:
            told.before.CopyFrom(_finding(fact, turned.before.response))
            told.turn.CopyFrom(self._turn(turned, fact))
        return told


def _said(fact: str, moment: _Moment) -> object:
    """Return what is said about a fact; without one what the verdict is."""
    if not fact:
        return moment.response.verdict.acceptable, moment.response.verdict.answer
    finding = _finding(fact, moment.response)
    return finding.answer, finding.not_applicable


def _finding(fact: str, response: CheckResponse) -> Finding:
    return next((each for each in response.findings if each.fact == fact), Finding(fact=fact))


def _blockers(response: CheckResponse) -> list[str]:
    # Conditions of a policy block, too, and are no facts.
    known = {each.fact for each in response.findings}
    return [each for each in response.verdict.blockers if each in known]


def _differences(before: Snapshot, after: Snapshot, fact: str | None) -> list[Difference]:
    """Return what changed that the fact reads; what always changes only where nothing else did."""
    pairs = (stable(before), stable(after)), (before, after)
    for one, other in pairs:
        found = [
            each
            for each in diff(one, other, include_volatile=True).differences
            if is_difference(each) and (fact is None or fact in each.facts)
        ]
        if found or fact is None:
            return found
    return []


def _ns(seconds: float) -> int:
    return round(seconds * 1e6) * 1000
