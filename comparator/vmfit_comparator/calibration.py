"""How often answers came true: counts and Brier scores over checks with an outcome."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vmfit.v1.calibration_pb2 import (
    AnswerCalibration,
    Calibration,
    GetCalibrationResponse,
    MigrationOutcome,
)
from vmfit.v1.finding_pb2 import Answer
from vmfit_comparator.judgement import MIGRATED, came_true, stated_probability, what_held
from vmfit_comparator.store.records import CheckRecord, OutcomeRecord


@dataclass(slots=True)
class _AnswerTally:
    outcomes: Counter[MigrationOutcome.ValueType] = field(default_factory=Counter)
    came: Counter[bool | None] = field(default_factory=Counter)
    probabilities: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Tally:
    """The answers of one fact, or of the verdict, so far."""

    answers: defaultdict[Answer.ValueType, _AnswerTally] = field(
        default_factory=lambda: defaultdict(_AnswerTally)
    )
    squares: list[float] = field(default_factory=list)

    def add(
        self,
        answer: Answer.ValueType,
        probability: float | None,
        held: bool | None,  # noqa: FBT001 -- data
        outcome: MigrationOutcome.ValueType,
    ) -> None:
        tally = self.answers[answer]
        tally.outcomes[outcome] += 1
        tally.came[came_true(answer, held)] += 1
        stated = stated_probability(answer, probability)
        if stated is not None:
            tally.probabilities.append(stated)
            if held is not None:
                self.squares.append((stated - held) ** 2)

    def message(self, fact: str = "") -> Calibration:
        calibration = Calibration(
            fact=fact, answers=[_answer(each, self.answers[each]) for each in sorted(self.answers)]
        )
        if self.squares:
            calibration.brier_score = sum(self.squares) / len(self.squares)
        return calibration


def calibrate(
    outcomes: Iterable[tuple[CheckRecord, OutcomeRecord]],
    is_wanted: Callable[[str], bool],
    check_count: int,
) -> GetCalibrationResponse:
    """Return how the verdict and the wanted facts did; `check_count` counts all checks."""
    verdict, facts = _Tally(), defaultdict[str, _Tally](_Tally)
    outcome_count = 0
    for check, outcome in outcomes:
        outcome_count += 1
        migrated = outcome.outcome == MIGRATED
        verdict.add(check.answer, check.probability, migrated, outcome.outcome)
        held = what_held(check, outcome)
        for name, given in check.findings.items():
            if is_wanted(name):
                facts[name].add(given.answer, given.probability, held.get(name), outcome.outcome)
    return GetCalibrationResponse(
        verdict=verdict.message(),
        facts=[facts[name].message(name) for name in sorted(facts)],
        check_count=max(check_count, outcome_count),
        outcome_count=outcome_count,
    )


def _answer(answer: Answer.ValueType, tally: _AnswerTally) -> AnswerCalibration:
    message = AnswerCalibration(
        answer=answer,
        given_count=tally.outcomes.total(),
        came_true_count=tally.came[True],
        came_false_count=tally.came[False],
        untested_count=tally.came[None],
    )
    if tally.probabilities:
        message.mean_probability = sum(tally.probabilities) / len(tally.probabilities)
    for outcome in sorted(tally.outcomes):
        message.outcomes.add(outcome=outcome, count=tally.outcomes[outcome])
    return message
