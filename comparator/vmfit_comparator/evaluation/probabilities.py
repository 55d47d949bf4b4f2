"""Probabilities that rest on counts: how often a fact's PROBABLY answers came true so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from vmfit.v1.calibration_pb2 import GetCalibrationResponse
from vmfit.v1.finding_pb2 import Answer
from vmfit_comparator.evaluation.result import Result

# A fact's own estimate counts as much as so many outcomes; for an estimate of one half this is
# Laplace's rule of succession.
_ESTIMATE_WEIGHT = 2
_UNSURE = (Answer.ANSWER_PROBABLY_NO, Answer.ANSWER_PROBABLY_YES)
_FILE = "probabilities.yaml"
_HEADER = f"# Counts for vmfit_comparator/{_FILE}.\n"

Counts = Mapping[tuple[str, Answer.ValueType], "Count"]


@dataclass(frozen=True, slots=True)
class Count:
    """How often one answer of one fact came true."""

    came_true: int
    total: int


@cache
def built_in_counts() -> Counts:
    """Return the counts that come with the comparator, by fact id and answer."""
    return parse_counts(resources.files("vmfit_comparator.evaluation").joinpath(_FILE).read_text())


def parse_counts(text: str) -> Counts:
    """Return the counts of a file's text. KeyError, TypeError, ValueError for a bad one."""
    counts: dict[tuple[str, Answer.ValueType], Count] = {}
    for entry in yaml.safe_load(text):
        key, count = _parse(entry)
        if key in counts:
            raise ValueError(f"{key[0]}: {entry['answer']} is there twice")
        counts[key] = count
    return counts


def with_counts(fact_id: str, outcome: Result, counts: Counts | None = None) -> Result:
    """Return an outcome whose probability rests on counts, or as it is when there are none."""
    if outcome.answer not in _UNSURE or outcome.probability is None:
        return outcome
    count = (built_in_counts() if counts is None else counts).get((fact_id, outcome.answer))
    if count is None:
        return outcome
    is_yes = outcome.answer == Answer.ANSWER_PROBABLY_YES
    worked = count.came_true if is_yes else count.total - count.came_true
    estimate = _ESTIMATE_WEIGHT * outcome.probability
    return outcome._replace(probability=(worked + estimate) / (count.total + _ESTIMATE_WEIGHT))


def exported(response: GetCalibrationResponse) -> str:
    """Return a file's text with the counts of a calibration."""
    entries = [
        {
            "fact": fact.fact,
            "answer": Answer.Name(each.answer).removeprefix("ANSWER_"),
            "came_true": each.came_true_count,
            "total": each.came_true_count + each.came_false_count,
            "source": f"{response.outcome_count} reported outcomes",
        }
        for fact in response.facts
        for each in fact.answers
        if each.answer in _UNSURE and each.came_true_count + each.came_false_count
    ]
    return _HEADER + yaml.safe_dump(entries, sort_keys=False, allow_unicode=True)


def _parse(entry: Mapping[str, Any]) -> tuple[tuple[str, Answer.ValueType], Count]:
    fact, came_true, total = entry["fact"], entry["came_true"], entry["total"]
    answer = Answer.Value(f"ANSWER_{entry['answer']}")
    if answer not in _UNSURE:
        raise ValueError(f"{fact}: {entry['answer']} has no probability")
    if not 0 <= came_true <= total or not total:
        raise ValueError(f"{fact}: {came_true} of {total}")
    if not entry["source"]:
        raise ValueError(f"{fact}: no source")
    return (fact, answer), Count(came_true, total)
