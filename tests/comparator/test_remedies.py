"""Remedies keep what they promise: once done the fact is better, and no other fact is worse."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.comparator.builders import finding
from tests.comparator.remedied import EFFECTS, remedied
from tests.comparator.rows import WITH_ROWS
from tests.comparator.tables import case_of
from vmfit.v1.finding_pb2 import Answer, Finding, SubjectFinding
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.facts import BUILT_IN

CASES = [pytest.param(name, row, id=f"{name}: {row[0]}") for name, row in WITH_ROWS]


@pytest.mark.parametrize(("fact", "row"), CASES)
def test_a_remedy_helps_and_harms_nothing(fact, row):
    case = case_of(row)
    found = finding(fact, case)
    for remedy in found.remedies:
        after = remedied(remedy, case)
        if after is None:
            continue
        now = finding(fact, after)
        assert _helps(found, now, remedy), f"{remedy.summary}: {found.reason} -> {now.reason}"
        fallen = _fallen(case, after, but=fact)
        assert not fallen, f"{remedy.summary}: {fallen}"


def test_most_actions_are_tried():
    offered: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for fact, row in WITH_ROWS:
        case = case_of(row)
        for remedy in finding(fact, case).remedies:
            kind = remedy.WhichOneof("action") or "words"
            offered[kind] += 1
            tried[kind] += remedied(remedy, case) is not None
    assert set(EFFECTS) == {kind for kind, count in tried.items() if count}, offered


def _standing(found: Finding) -> tuple[int, int, float]:
    return found.answer, found.quality, found.probability


def _helps(before: Finding, now: Finding, remedy) -> bool:
    """Better than before; or one of several obstacles is gone, and its remedy with it."""
    likely = (now.answer, now.probability) >= (before.answer, before.probability)
    if likely and _standing(now) != _standing(before):
        return True
    return _standing(now) == _standing(before) and remedy not in now.remedies


def _fallen(case: Case, after: Case, but: str) -> list[str]:
    before = {each.fact: each for each in evaluate(BUILT_IN.values(), replace(case))}
    now = evaluate(BUILT_IN.values(), replace(after))
    return [
        f"{each.fact}: {before[each.fact].reason} -> {each.reason}"
        for each in now
        if each.fact not in {*_DERIVED, but}
        and _standing(each)[:2] < _standing(before[each.fact])[:2]
        and not _opened(before[each.fact], each)
    ]


# What it says of the way back follows from the others; one way is what an upgrade costs.
_DERIVED = {"return.path"}


def _opened(before: Finding, now: Finding) -> bool:
    """A question that did not arise before: it is open, or has a remedy of its own."""
    fallen = [
        each
        for each in now.subjects or [now]
        if each.answer < Answer.ANSWER_YES and not _was_fallen(before, each)
    ]
    return all(
        _did_not_arise(before, each) and (each.answer >= Answer.ANSWER_NO_IDEA or each.remedies)
        for each in fallen
    )


def _was_fallen(before: Finding, now: Finding | SubjectFinding) -> bool:
    return any(
        each.answer <= now.answer and not each.not_applicable
        for each in before.subjects
        if isinstance(now, SubjectFinding) and each.subject == now.subject
    )


def _did_not_arise(before: Finding, now: Finding | SubjectFinding) -> bool:
    if before.not_applicable:
        return True
    if not isinstance(now, SubjectFinding):
        return False
    told = {each.subject: each for each in before.subjects}
    return now.subject not in told or told[now.subject].not_applicable
