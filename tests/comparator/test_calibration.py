"""What outcomes say of answers, and the sums over them."""

import pytest

from vmfit.v1.calibration_pb2 import MigrationOutcome
from vmfit.v1.finding_pb2 import Answer, Consequence
from vmfit_comparator.outcomes.calibration import calibrate
from vmfit_comparator.outcomes.judgement import came_true, stated_probability, what_held
from vmfit_comparator.store.records import CheckRecord, Given, OutcomeRecord

MIGRATED, REFUSED, FAILED, BROKEN = MigrationOutcome.values()[1:]
NO, PROBABLY_NO, NO_IDEA, PROBABLY_YES, YES = Answer.values()[1:]
CONSEQUENCES = {
    "f": Consequence.CONSEQUENCE_FAILS,
    "b": Consequence.CONSEQUENCE_BREAKS_GUEST,
    "a": Consequence.CONSEQUENCE_ADVISORY,
}
ESTIMATES = {PROBABLY_YES: 0.9, PROBABLY_NO: 0.1}


def check(answer=YES, probability=None, *, is_whole=True, **answers):
    """A check whose facts are called by their consequence: f1 fails, b1 breaks, a1 advises."""
    return CheckRecord(
        id="0" * 16,
        checked_at_seconds=0,
        vm_name="guest",
        vm_uuid="",
        source_host="alpha",
        destination_host="beta",
        options_digest="",
        policy="default",
        answer=answer,
        probability=probability,
        acceptable=True,
        is_whole=is_whole,
        findings={
            name: Given(each, CONSEQUENCES[name[0]], ESTIMATES.get(each))
            for name, each in answers.items()
        },
    )


@pytest.mark.parametrize(
    ("outcome", "causes", "answers", "held"),
    [
        (MIGRATED, (), {"f1": YES, "b1": NO, "a1": YES}, {"f1": True, "b1": True}),
        (MIGRATED, (), {"f1": NO, "f2": NO_IDEA}, {"f1": True, "f2": True}),
        # The cause is named: only it is known to have failed.
        (REFUSED, ("f1",), {"f1": YES, "f2": YES, "f3": NO}, {"f1": False}),
        (FAILED, ("f1", "b1"), {"f1": NO, "b1": YES}, {"f1": False, "b1": False}),
        (FAILED, ("a1",), {"f1": NO, "a1": YES}, {"a1": False}),
        # It is not named: put down to who foresaw it, the surest first.
        (REFUSED, (), {"f1": NO, "f2": YES, "f3": NO}, {"f1": False, "f3": False}),
        (REFUSED, (), {"f1": NO, "f2": PROBABLY_NO}, {"f1": False}),
        (FAILED, (), {"f1": NO_IDEA, "f2": PROBABLY_NO}, {"f2": False}),
        (FAILED, (), {"f1": YES, "f2": PROBABLY_YES, "f3": NO_IDEA}, {}),
        # What breaks the guest does not stop the migration.
        (FAILED, (), {"f1": YES, "b1": NO, "a1": NO}, {}),
        # It went through: nothing that makes it fail was there.
        (BROKEN, (), {"f1": YES, "b1": NO, "b2": YES}, {"f1": True, "b1": False}),
        (BROKEN, (), {"f1": NO, "b1": PROBABLY_NO}, {"f1": True, "b1": False}),
        (BROKEN, (), {"f1": NO, "f2": YES, "b1": YES}, {"f1": False, "f2": True}),
        (BROKEN, ("b1",), {"f1": YES, "b1": YES, "b2": NO}, {"f1": True, "b1": False}),
        (BROKEN, (), {"f1": YES, "b1": YES}, {"f1": True}),
    ],
)
def test_what_held(outcome, causes, answers, held):
    assert what_held(check(**answers), OutcomeRecord(outcome, "", causes)) == held


@pytest.mark.parametrize(
    ("answer", "if_held", "if_not", "probability"),
    [
        (YES, True, False, 1.0),
        (PROBABLY_YES, True, False, 0.7),
        (NO_IDEA, None, None, None),
        (PROBABLY_NO, False, True, 0.7),
        (NO, False, True, 0.0),
    ],
)
def test_answers(answer, if_held, if_not, probability):
    assert came_true(answer, held=True) is if_held
    assert came_true(answer, held=False) is if_not
    assert came_true(answer, held=None) is None
    assert stated_probability(answer, 0.7) == probability


def test_calibration():
    outcomes = [
        (check(PROBABLY_YES, 0.8, f1=PROBABLY_YES, a1=NO), OutcomeRecord(MIGRATED)),
        (check(PROBABLY_YES, 0.8, f1=PROBABLY_YES), OutcomeRecord(FAILED, "", ("f1",))),
        (check(PROBABLY_YES, 0.6, f1=PROBABLY_YES, f2=YES), OutcomeRecord(REFUSED, "", ("f2",))),
        (check(NO, None, f1=NO), OutcomeRecord(REFUSED)),
        (check(NO_IDEA, None, f1=NO_IDEA), OutcomeRecord(BROKEN)),
    ]
    response = calibrate(iter(outcomes), lambda _: True, 9)
    assert (response.check_count, response.outcome_count) == (9, 5)
    assert [each.fact for each in response.facts] == ["a1", "f1", "f2"]
    verdict = response.verdict
    assert verdict.brier_score == pytest.approx((0.04 + 0.64 + 0.36 + 0) / 4)
    assert [each.answer for each in verdict.answers] == [NO, NO_IDEA, PROBABLY_YES]
    probably = verdict.answers[2]
    assert (probably.came_true_count, probably.came_false_count) == (1, 2)
    assert probably.mean_probability == pytest.approx(2.2 / 3)
    assert [(each.outcome, each.count) for each in probably.outcomes] == [
        (MIGRATED, 1),
        (REFUSED, 1),
        (FAILED, 1),
    ]
    advice, first, second = response.facts
    assert not advice.HasField("brier_score")
    assert advice.answers[0].untested_count == 1
    assert first.brier_score == pytest.approx((0.01 + 0.81 + 0) / 3)
    no, no_idea, probably = first.answers
    assert (no.given_count, no.came_true_count) == (1, 1)
    assert (no_idea.given_count, no_idea.untested_count) == (1, 1)
    assert not no_idea.HasField("mean_probability")
    assert probably.given_count == 3
    assert (probably.came_true_count, probably.came_false_count) == (1, 1)
    assert probably.untested_count == 1
    assert second.brier_score == 1


def test_only_wanted_facts():
    outcomes = [(check(f1=YES, b1=YES), OutcomeRecord(MIGRATED))]
    response = calibrate(outcomes, lambda name: name == "b1", 1)
    assert [each.fact for each in response.facts] == ["b1"]
    assert response.verdict.answers[0].given_count == 1


def test_a_verdict_on_some_facts_is_none_on_the_migration():
    outcomes = [(check(f1=YES, is_whole=False), OutcomeRecord(FAILED, "", ("f1",)))]
    response = calibrate(outcomes, lambda _: True, 1)
    assert response.outcome_count == 1
    assert not response.verdict.answers
    assert response.facts[0].answers[0].came_false_count == 1


def test_no_outcomes():
    response = calibrate([], lambda _: True, 3)
    assert (response.check_count, response.outcome_count) == (3, 0)
    assert not response.facts
    assert not response.verdict.HasField("brier_score")
