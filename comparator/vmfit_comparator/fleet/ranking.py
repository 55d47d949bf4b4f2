"""The hosts of a fleet in the order of their verdicts, and why others are not acceptable."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vmfit.v1.finding_pb2 import CONSEQUENCE_ADVISORY, Answer
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.fleet.fleet import Fleet
from vmfit_comparator.fleet.outcomes import Ids, Outcome, Outcomes
from vmfit_comparator.fleet.question import Question
from vmfit_comparator.policies.policy import ResolvedPolicy
from vmfit_comparator.policies.verdict import ADVICE_WEIGHT, chance_of, quality_factor

_ANY_QUALITY = 1 << 30
_YES_LIKE = (Answer.ANSWER_PROBABLY_YES, Answer.ANSWER_YES)


@dataclass(frozen=True, slots=True)
class WhyNot:
    """A fact that keeps hosts from being acceptable."""

    fact: str
    count: int
    """Of hosts of which it is the first, in the catalogue's order, that does so."""
    alone_count: int
    """Of hosts that nothing else keeps from it."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The verdicts of some hosts, without reasons."""

    names: Sequence[str]
    """The best first; ties by name."""
    acceptable: NDArray[np.bool_]
    answers: NDArray[np.int64]
    scores: NDArray[np.float64]
    why_not: Sequence[WhyNot]
    """What concerns most hosts first; every host that is not acceptable is in `count` once."""


def rank(fleet: Fleet, question: Question, policy: ResolvedPolicy) -> Ranking:
    """Return all hosts of the fleet in the order of what the policy makes of them.

    Conditions of the policy are not heard: they speak of findings with their reasons.
    """
    hosts = fleet.hosts
    with hosts.lock:
        names = sorted(hosts.row_of)
        rows = np.array([hosts.row_of[each] for each in names], np.int64)
        found = fleet.answers(question, rows) if names else []
        judged = _Judged(fleet.outcomes, policy, len(rows))
        for fact, ids in zip(question.facts, found, strict=bool(names)):
            judged.add(fact, ids)
    order = np.lexsort((-judged.answers, -judged.scores, ~judged.acceptable))
    return Ranking(
        [names[each] for each in order.tolist()],
        judged.acceptable[order],
        judged.answers[order],
        judged.scores[order],
        judged.why_not(),
    )


class _Judged:
    """What findings amount to, host by host."""

    def __init__(self, outcomes: Outcomes, policy: ResolvedPolicy, count: int) -> None:
        self._chances = np.array([_chance(each) for each in outcomes.all])
        self._kinds = np.array([int(each.answer) for each in outcomes.all])
        qualities = np.array([int(each.quality) for each in outcomes.all])
        # What is no yes has no quality that would count.
        self._qualities = np.where(np.isin(self._kinds, _YES_LIKE), qualities, _ANY_QUALITY)
        self._policy = policy
        self._decides = False
        self._answers = np.full(count, int(Answer.ANSWER_YES), np.int64)
        self._scores = np.ones(count)
        self._blocking = np.zeros(count, np.int64)
        self._first = np.full(count, -1, np.int64)
        self._facts: list[str] = []

    def add(self, fact: Fact, ids: Ids) -> None:
        """Take in what one fact says of all hosts."""
        rule = self._policy.rules[fact.id]
        advisory = fact.consequence == CONSEQUENCE_ADVISORY
        if rule.HasField("advisory"):
            advisory = rule.advisory
        if advisory:
            self._scores *= (1 - ADVICE_WEIGHT * (1 - self._chances))[ids]
            return
        self._decides = True
        self._scores *= self._chances[ids]
        np.minimum(self._answers, self._kinds[ids], out=self._answers)
        meets = self._kinds >= rule.minimum_answer
        meets &= self._qualities >= rule.minimum_quality
        blocked = ~meets[ids]
        if blocked.any():
            self._first[blocked & (self._first < 0)] = len(self._facts)
            self._blocking += blocked
            self._facts.append(fact.id)

    @property
    def acceptable(self) -> NDArray[np.bool_]:
        """By host."""
        free: NDArray[np.bool_] = self._blocking == 0
        return free if self._decides else np.zeros_like(free)

    @property
    def answers(self) -> NDArray[np.int64]:
        """By host: the worst among the facts that decide."""
        if not self._decides:
            return np.full(len(self._answers), int(Answer.ANSWER_NO_IDEA), np.int64)
        return self._answers

    @property
    def scores(self) -> NDArray[np.float64]:
        """By host."""
        return self._scores if self._decides else np.zeros(len(self._scores))

    def why_not(self) -> list[WhyNot]:
        """Return what blocks hosts, what concerns most first."""
        size = len(self._facts)
        first = np.bincount(self._first[self._first >= 0], minlength=size)
        alone = np.bincount(self._first[self._blocking == 1], minlength=size)
        found = [
            WhyNot(fact, int(first[place]), int(alone[place]))
            for place, fact in enumerate(self._facts)
            if first[place]
        ]
        return sorted(found, key=lambda each: -each.count)


def _chance(outcome: Outcome) -> float:
    return chance_of(outcome.answer, outcome.probability) * quality_factor(outcome.quality)
