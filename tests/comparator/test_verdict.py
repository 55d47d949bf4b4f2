"""Verdicts: what decides, what only informs, and what a policy lets pass."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmfit.v1.finding_pb2 import Answer, Consequence, Finding, Quality, Verdict
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.result import yes
from vmfit_comparator.policies.policy import resolve_policy
from vmfit_comparator.policies.policy_file import parse_policy
from vmfit_comparator.policies.verdict import judge

NAMES = ("a.one", "a.two", "b.one", "b.two")
CATALOGUE = {name: Fact(name, "?", lambda _: yes("y")) for name in NAMES}
NATIVE = Quality.QUALITY_NATIVE


def _policy(text="name: default"):
    return resolve_policy(parse_policy(text), CATALOGUE)


def _finding(name, answer, quality="NATIVE", consequence="FAILS", **fields):
    number = Answer.Value(f"ANSWER_{answer}")
    good = number >= Answer.ANSWER_PROBABLY_YES
    return Finding(
        fact=name,
        answer=number,
        quality=Quality.Value(f"QUALITY_{quality}") if good else 0,
        consequence=Consequence.Value(f"CONSEQUENCE_{consequence}"),
        reason=f"{name} is {answer}",
        **fields,
    )


def _judge(*findings, policy="name: default"):
    return judge(findings, _policy(policy))


@pytest.mark.parametrize(
    ("answers", "worst"),
    [
        (["YES", "YES"], "YES"),
        (["YES", "PROBABLY_YES"], "PROBABLY_YES"),
        (["PROBABLY_YES", "NO_IDEA"], "NO_IDEA"),
        (["NO_IDEA", "PROBABLY_NO", "YES"], "PROBABLY_NO"),
        (["NO", "PROBABLY_NO"], "NO"),
    ],
)
def test_the_worst_decides(answers, worst):
    findings = [_finding(name, answer) for name, answer in zip(NAMES, answers, strict=False)]
    verdict = _judge(*findings)
    assert Answer.Name(verdict.answer) == f"ANSWER_{worst}"
    assert verdict.acceptable == (worst in ("YES", "PROBABLY_YES"))
    assert (verdict.quality == NATIVE) == verdict.acceptable


@pytest.mark.parametrize(
    ("findings", "probability"),
    [
        ([("YES", None), ("YES", None)], None),
        ([("NO", None), ("PROBABLY_YES", 0.8)], None),
        ([("NO_IDEA", None), ("PROBABLY_YES", 0.8)], None),
        ([("PROBABLY_YES", 0.8), ("PROBABLY_YES", 0.5), ("YES", None)], 0.4),
        ([("PROBABLY_NO", 0.2), ("PROBABLY_YES", 0.5)], 0.1),
        ([("PROBABLY_NO", 0.2), ("NO_IDEA", None)], 0.1),
    ],
)
def test_a_verdict_that_is_not_sure_says_how_likely(findings, probability):
    verdict = _judge(
        *(
            _finding(name, answer, probability=each)
            for name, (answer, each) in zip(NAMES, findings, strict=False)
        ),
        _finding("b.two", "PROBABLY_NO", consequence="ADVISORY", probability=0.1),
    )
    assert verdict.HasField("probability") == (probability is not None)
    assert verdict.probability == pytest.approx(probability or 0)


@pytest.mark.parametrize("answer", ["NO", "PROBABLY_NO", "NO_IDEA", "PROBABLY_YES"])
def test_advice_informs_and_does_not_decide(answer):
    advice = _finding("a.two", answer, consequence="ADVISORY")
    verdict = _judge(_finding("a.one", "YES"), advice)
    assert verdict.answer == Answer.ANSWER_YES
    assert verdict.acceptable
    assert verdict.warnings == ["a.two"]
    assert 0.9 < verdict.score < 1
    strict = "facts: {a.two: {advisory: false, minimum_answer: YES}}"
    verdict = _judge(_finding("a.one", "YES"), advice, policy=strict)
    assert Answer.Name(verdict.answer) == f"ANSWER_{answer}"
    assert verdict.blockers == ["a.two"]


def test_a_rule_makes_advice_of_a_fact():
    verdict = _judge(
        _finding("a.one", "NO"), _finding("b.one", "YES"), policy="facts: {a.*: {advisory: true}}"
    )
    assert verdict.acceptable
    assert verdict.answer == Answer.ANSWER_YES


def test_advice_alone_is_no_yes():
    verdict = _judge(_finding("a.one", "YES", consequence="ADVISORY"))
    assert verdict.answer == Answer.ANSWER_NO_IDEA
    assert not verdict.acceptable
    assert verdict.score == 0
    assert "none of the facts" in verdict.summary
    assert not _judge().acceptable


def test_what_does_not_apply_is_counted_apart():
    """No dashboard is to take it for a yes; all counts together are the number of findings."""
    verdict = _judge(
        _finding("a.one", "YES", not_applicable=True),
        _finding("a.two", "YES"),
        _finding("b.one", "NO"),
        _finding("b.two", "YES", not_applicable=True),
    )
    assert dict(verdict.counts) == {"NOT_APPLICABLE": 2, "YES": 1, "NO": 1}


def test_quality():
    findings = [_finding("a.one", "YES"), _finding("a.two", "YES", "EMULATED")]
    verdict = _judge(*findings)
    assert verdict.quality == Quality.QUALITY_EMULATED
    assert verdict.acceptable
    assert verdict.warnings == ["a.two"]
    assert "(emulated)" in verdict.summary
    verdict = _judge(*findings, policy="facts: {'*': {minimum_quality: REDUCED}}")
    assert verdict.blockers == ["a.two"]
    assert not verdict.acceptable
    assert verdict.answer == Answer.ANSWER_YES


def test_built_in_policies():
    firm, probable, unknown = (
        _finding("a.one", answer) for answer in ("YES", "PROBABLY_YES", "NO_IDEA")
    )
    against = _finding("a.one", "PROBABLY_NO")
    accepts = {
        name: [_judge(each, policy=f"extends: {name}").acceptable for each in findings]
        for findings in [(firm, probable, unknown, against)]
        for name in ("conservative", "default", "permissive")
    }
    assert accepts == {
        "conservative": [True, False, False, False],
        "default": [True, True, False, False],
        "permissive": [True, True, True, False],
    }


def test_an_unknown_that_passes_stays_unknown():
    verdict = _judge(_finding("a.one", "NO_IDEA"), policy="extends: permissive")
    assert verdict.answer == Answer.ANSWER_NO_IDEA
    assert verdict.quality == Quality.QUALITY_UNSPECIFIED
    assert verdict.warnings == ["a.one"]
    assert verdict.summary.startswith("NO_IDEA, acceptable")


def test_summary_names_reasons_and_counts_the_rest():
    verdict = _judge(*(_finding(name, "NO") for name in NAMES))
    assert verdict.summary.startswith("NO, not acceptable: a.one: a.one is NO; ")
    assert verdict.summary.endswith("; and 1 more")
    assert dict(verdict.counts) == {"NO": 4}
    assert verdict.score == 0


def test_valid_until_is_the_soonest():
    early, late = (
        _finding(name, "YES", valid_until={"seconds": seconds})
        for name, seconds in (("a.one", 10), ("a.two", 20))
    )
    assert _judge(late, early, _finding("b.one", "YES")).valid_until.seconds == 10
    assert not _judge(_finding("b.one", "YES")).HasField("valid_until")


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("findings['a.one'].answer >= PROBABLY_YES", None),
        ("findings['a.one'].answer == Answer.ANSWER_YES", "too bad"),
        ("verdict.score > 0.5", None),
        ("verdict.warnings.size() == 0", "too bad"),
        ("findings.all(id, findings[id].answer > NO)", None),
        ("findings['gone'].answer == YES", "could not be evaluated: "),
    ],
)
def test_conditions(expression, complaint):
    policy = f'conditions: [{{name: ours, expression: "{expression}", message: too bad}}]'
    verdict = _judge(_finding("a.one", "PROBABLY_YES"), policy=policy)
    assert verdict.acceptable == (complaint is None)
    assert verdict.blockers == ([] if complaint is None else ["ours"])
    assert complaint is None or f"ours: {complaint}" in verdict.summary
    assert verdict.answer == Answer.ANSWER_PROBABLY_YES


_FINDINGS = st.lists(
    st.builds(
        _finding,
        st.sampled_from(NAMES),
        st.sampled_from(["NO", "PROBABLY_NO", "NO_IDEA", "PROBABLY_YES", "YES"]),
        st.sampled_from(["EMULATED", "REDUCED", "NATIVE"]),
        st.sampled_from(["FAILS", "BREAKS_GUEST", "ADVISORY"]),
    ),
    max_size=4,
    unique_by=lambda each: each.fact,
)


@settings(deadline=None, max_examples=60)
@given(_FINDINGS, st.sampled_from(["conservative", "default", "permissive"]))
def test_verdicts_hold_together(findings, name):
    before = [each.SerializeToString(deterministic=True) for each in findings]
    verdict = _judge(*findings, policy=f"extends: {name}")
    assert [each.SerializeToString(deterministic=True) for each in findings] == before
    assert isinstance(verdict, Verdict)
    assert 0 <= verdict.score <= 1
    assert not set(verdict.blockers) & set(verdict.warnings)
    deciding = [each for each in findings if each.consequence != Consequence.CONSEQUENCE_ADVISORY]
    # What nobody knows never becomes a yes, and what is accepted has no blocker.
    assert all(verdict.answer <= each.answer for each in deciding)
    assert not (verdict.acceptable and verdict.blockers)
    assert sum(verdict.counts.values()) == len(findings)
    if any(each.answer == Answer.ANSWER_NO for each in deciding):
        assert not verdict.acceptable
        assert verdict.score == 0
