"""Probabilities that rest on counts."""

from dataclasses import replace

import pytest
import yaml

from tests.comparator.builders import migration
from vmfit.v1.calibration_pb2 import GetCalibrationResponse
from vmfit.v1.finding_pb2 import Answer
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.probabilities import (
    Count,
    built_in_counts,
    exported,
    parse_counts,
    with_counts,
)
from vmfit_comparator.evaluation.result import (
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.facts import BUILT_IN

NO, YES = Answer.ANSWER_PROBABLY_NO, Answer.ANSWER_PROBABLY_YES
COUNTS = {("x", YES): Count(9, 10), ("x", NO): Count(3, 4)}


def test_the_built_in_counts_are_of_facts_that_are():
    assert {fact for fact, _ in built_in_counts()} <= set(BUILT_IN)


@pytest.mark.parametrize(
    ("outcome", "probability"),
    [
        # An estimate of one half: Laplace's rule.
        (probably_yes("r", probability=0.5), 10 / 12),
        (probably_yes("r", probability=0.8), (9 + 1.6) / 12),
        # Three of four failed as it said.
        (probably_no("r", probability=0.5), 2 / 6),
        (probably_no("r", probability=0.1), 1.2 / 6),
    ],
)
def test_counts_and_the_estimate(outcome, probability):
    counted = with_counts("x", outcome, COUNTS)
    assert counted.probability == pytest.approx(probability)
    assert (counted.answer, counted.reason) == (outcome.answer, outcome.reason)
    assert with_counts("y", outcome, COUNTS) is outcome


def test_findings_rest_on_the_counts(monkeypatch):
    monkeypatch.setattr("vmfit_comparator.evaluation.probabilities.built_in_counts", lambda: COUNTS)
    fact = Fact("x", "?", lambda _: probably_yes("r"))
    counted, uncounted = evaluate([fact, replace(fact, id="y")], migration())
    assert counted.probability == pytest.approx((9 + 1.8) / 12)
    assert uncounted.probability == 0.9


@pytest.mark.parametrize("outcome", [yes("r"), no("r"), no_idea("r"), not_applicable("r")])
def test_firm_answers_have_none(outcome):
    assert with_counts("x", outcome, COUNTS) is outcome


def test_the_estimate_counts_less_the_more_is_known():
    few = with_counts("x", probably_yes("r"), {("x", YES): Count(1, 2)})
    many = with_counts("x", probably_yes("r"), {("x", YES): Count(500, 1000)})
    assert 0.5 < many.probability < few.probability < 0.9


@pytest.mark.parametrize(
    "text",
    [
        "- {fact: x, answer: PROBABLY_YES, came_true: 3, total: 2, source: s}",
        "- {fact: x, answer: PROBABLY_YES, came_true: 0, total: 0, source: s}",
        "- {fact: x, answer: 'YES', came_true: 1, total: 2, source: s}",
        "- {fact: x, answer: MAYBE, came_true: 1, total: 2, source: s}",
        "- {fact: x, answer: PROBABLY_YES, came_true: 1, total: 2, source: ''}",
        "- {fact: x, answer: PROBABLY_YES, came_true: 1, total: 2}",
        "- {fact: x, answer: PROBABLY_YES, came_true: one, total: 2, source: s}",
        2 * "- {fact: x, answer: PROBABLY_YES, came_true: 1, total: 2, source: s}\n",
    ],
)
def test_bad_files(text):
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse_counts(text)


def test_export_is_such_a_file():
    response = GetCalibrationResponse(outcome_count=7)
    fact = response.facts.add(fact="net.mtu")
    fact.answers.add(answer=YES, given_count=6, came_true_count=3, came_false_count=1)
    fact.answers.add(answer=NO, given_count=2, untested_count=2)
    fact.answers.add(answer=Answer.ANSWER_YES, given_count=9, came_true_count=9)
    text = exported(response)
    assert parse_counts(text) == {("net.mtu", YES): Count(3, 4)}
    assert yaml.safe_load(text)[0]["source"] == "7 reported outcomes"
