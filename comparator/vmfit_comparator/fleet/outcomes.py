"""What facts say, without their words: few outcomes, held as numbers."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vmfit.v1.finding_pb2 import Answer, Quality
from vmfit_comparator.evaluation.evaluator import degraded
from vmfit_comparator.evaluation.freshness import Age
from vmfit_comparator.evaluation.probabilities import with_counts
from vmfit_comparator.evaluation.result import Result, no_idea

Ids = NDArray[np.int32]


class Outcome(NamedTuple):
    """An answer without its reason."""

    answer: Answer.ValueType
    quality: Quality.ValueType
    probability: float | None
    not_applicable: bool
    ages: bool
    """Whether the age of what it was read from counts."""


class Outcomes:
    """Every outcome that there was, by its number."""

    def __init__(self) -> None:
        self._ids: dict[Outcome, int] = {}
        self.all: list[Outcome] = []
        self._aged: dict[tuple[int, bool], int] = {}

    def id(self, outcome: Outcome) -> int:
        """Return the number of an outcome."""
        if outcome not in self._ids:
            self._ids[outcome] = len(self.all)
            self.all.append(outcome)
        return self._ids[outcome]

    def of(self, fact_id: str, result: Result | str) -> int:
        """Return the number of what a fact said; a bug is a text."""
        bug = isinstance(result, str)
        known = no_idea(result) if isinstance(result, str) else with_counts(fact_id, result)
        ages = not (known.not_applicable or known.unset or bug)
        return self.id(_outcome(known, ages=ages))

    def aged(self, ids: Ids, *, expired: bool) -> Ids:
        """Return what too old inputs make of outcomes."""
        found = np.empty_like(ids)
        for each in np.unique(ids).tolist():
            found[ids == each] = self._aged_id(each, expired=expired)
        return found

    def _aged_id(self, number: int, *, expired: bool) -> int:
        key = number, expired
        if key not in self._aged:
            self._aged[key] = self._age(number, expired=expired)
        return self._aged[key]

    def _age(self, number: int, *, expired: bool) -> int:
        outcome = self.all[number]
        if not outcome.ages:
            return number
        result = Result(outcome.answer, "", outcome.quality, probability=outcome.probability)
        age = Age("", 2.0, 0.0, 1.0 if expired else 3.0)
        return self.id(_outcome(degraded(result, age), ages=True))


def _outcome(result: Result, *, ages: bool) -> Outcome:
    # The quality of what is no yes is not told.
    is_yes = result.answer >= Answer.ANSWER_PROBABLY_YES
    quality = result.quality if is_yes else Quality.QUALITY_UNSPECIFIED
    return Outcome(result.answer, quality, result.probability, result.not_applicable, ages)
