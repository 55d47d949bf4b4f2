"""How often answers came true: counts and Brier scores over checks with an outcome."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vmfit.v1.calibration_pb2 import (
    AnswerCalibration,
    Calibration,
    GetCalibrationResponse,
    MigrationOutcome,
)
from vmfit.v1.finding_pb2 import Answer
from vmfit_comparator.outcomes.judgement import MIGRATED, came_true, stated_probability, what_held
from vmfit_comparator.store.records import CheckRecord, OutcomeRecord


class _Case(NamedTuple):
    """What was said, and what came."""

    answer: Answer.ValueType
    probability: float | None
    held: bool | None
    outcome: MigrationOutcome.ValueType


_Cases = Counter[_Case]


def calibrate(
    outcomes: Iterable[tuple[CheckRecord, OutcomeRecord]],
    is_wanted: Callable[[str], bool],
    check_count: int,
) -> GetCalibrationResponse:
    """Return how the verdict and the wanted facts did; `check_count` counts all checks."""
    verdict: _Cases = Counter()
    facts: defaultdict[str, _Cases] = defaultdict(Counter)
    outcome_count = 0
    for check, outcome in outcomes:
        what, migrated = outcome.outcome, outcome.outcome == MIGRATED
        outcome_count += 1
        if check.is_whole:
            verdict[_Case(check.answer, check.probability, migrated, what)] += 1
        held = what_held(check, outcome)
        for name, given in check.findings.items():
            if is_wanted(name):
                case = _Case(given.answer, given.probability, held.get(name), what)
                facts[name][case] += 1
    return GetCalibrationResponse(
        verdict=_calibration("", verdict),
        facts=[_calibration(name, facts[name]) for name in sorted(facts)],
        check_count=max(check_count, outcome_count),
        outcome_count=outcome_count,
    )


def _calibration(fact: str, cases: _Cases) -> Calibration:
    message = Calibration(fact=fact)
    for answer in sorted({case.answer for case in cases}):
        own = Counter({case: count for case, count in cases.items() if case.answer == answer})
        message.answers.append(_answer(answer, own))
    squares = [
        ((stated - case.held) ** 2, count)
        for case, count in cases.items()
        if (stated := _stated(case)) is not None and case.held is not None
    ]
    if squares:
        message.brier_score = _mean(squares)
    return message


def _answer(answer: Answer.ValueType, cases: _Cases) -> AnswerCalibration:
    came: Counter[bool | None] = Counter()
    outcomes: Counter[MigrationOutcome.ValueType] = Counter()
    for case, count in cases.items():
        came[came_true(answer, case.held)] += count
        outcomes[case.outcome] += count
    message = AnswerCalibration(
        answer=answer,
        given_count=cases.total(),
        came_true_count=came[True],
        came_false_count=came[False],
        untested_count=came[None],
    )
    stated = [
        (chance, count) for case, count in cases.items() if (chance := _stated(case)) is not None
    ]
    if stated:
        message.mean_probability = _mean(stated)
    for outcome in sorted(outcomes):
        message.outcomes.add(outcome=outcome, count=outcomes[outcome])
    return message


def _stated(case: _Case) -> float | None:
    return stated_probability(case.answer, case.probability)


def _mean(values: Iterable[tuple[float, int]]) -> float:
    """Return the mean of values that each stand for a number of cases."""
    weighted = list(values)
    return sum(value * count for value, count in weighted) / sum(count for _, count in weighted)
