"""Verdicts: a policy applied to findings.

The answer is the worst among the facts that decide, so NO_IDEA is never folded into a yes. Facts
whose consequence is advisory inform and do not decide, unless a rule of the policy says otherwise.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from vmfit.v1.finding_pb2 import (
    ANSWER_NO,
    ANSWER_NO_IDEA,
    ANSWER_PROBABLY_NO,
    ANSWER_PROBABLY_YES,
    ANSWER_YES,
    CONSEQUENCE_ADVISORY,
    QUALITY_EMULATED,
    QUALITY_NATIVE,
    QUALITY_REDUCED,
    Answer,
    Finding,
    Quality,
    Verdict,
)
from vmfit_comparator.policies.policy import ResolvedPolicy

_UNSURE = (ANSWER_PROBABLY_NO, ANSWER_PROBABLY_YES)
_YES_LIKE = (ANSWER_PROBABLY_YES, ANSWER_YES)
# What a finding leaves of the score; a fact's own probability, where it tells one, comes first.
_CHANCE = {
    ANSWER_NO: 0.0,
    ANSWER_PROBABLY_NO: 0.1,
    ANSWER_NO_IDEA: 0.5,
    ANSWER_PROBABLY_YES: 0.9,
    ANSWER_YES: 1.0,
}
_QUALITY_FACTOR = {QUALITY_EMULATED: 0.7, QUALITY_REDUCED: 0.9}
ADVICE_WEIGHT = 0.05
"""Advice orders hosts that are equal otherwise, and never sinks one."""
_SHOWN_FACTS = 3
NOT_APPLICABLE = "NOT_APPLICABLE"
"""The key in a verdict's counts of what does not apply, which is no YES there."""


def judge(findings: Sequence[Finding], policy: ResolvedPolicy) -> Verdict:
    """Return what the policy makes of the findings. The findings stay as they are."""
    deciding = [each for each in findings if not is_advisory(each, policy)]
    verdict = Verdict(policy=policy.message.name)
    verdict.answer = min((each.answer for each in deciding), default=ANSWER_NO_IDEA)
    if verdict.answer in _YES_LIKE:
        verdict.quality = min(each.quality for each in deciding)
    if verdict.answer in _UNSURE:
        verdict.probability = math.prod(map(_chance, deciding))
    blocking = [each for each in deciding if not _meets(each, policy)]
    verdict.blockers.extend(each.fact for each in blocking)
    lesser = [each for each in findings if not _is_plain_yes(each)]
    blockers = frozenset(verdict.blockers)
    verdict.warnings.extend(each.fact for each in lesser if each.fact not in blockers)
    verdict.score = _score(findings, deciding)
    for name, count in Counter(map(_counted_as, findings)).items():
        verdict.counts[name] = count
    _set_valid_until(verdict, findings)
    verdict.acceptable = bool(deciding) and not blocking
    complaints = policy.conditions.failed(findings, verdict)
    verdict.blockers.extend(complaints)
    verdict.acceptable = verdict.acceptable and not complaints
    verdict.summary = _summary(verdict, {each.fact: each.reason for each in findings}, complaints)
    return verdict


def is_advisory(finding: Finding, policy: ResolvedPolicy) -> bool:
    """Return whether the finding informs without deciding."""
    rule = policy.rules[finding.fact]
    if rule.HasField("advisory"):
        return rule.advisory
    return finding.consequence == CONSEQUENCE_ADVISORY


def _counted_as(finding: Finding) -> str:
    if finding.not_applicable:
        return NOT_APPLICABLE
    return Answer.Name(finding.answer).removeprefix("ANSWER_")


def _meets(finding: Finding, policy: ResolvedPolicy) -> bool:
    rule = policy.rules[finding.fact]
    if finding.answer < rule.minimum_answer:
        return False
    return finding.answer not in _YES_LIKE or finding.quality >= rule.minimum_quality


def _is_plain_yes(finding: Finding) -> bool:
    return finding.answer == ANSWER_YES and finding.quality == QUALITY_NATIVE


def _score(findings: Sequence[Finding], deciding: Sequence[Finding]) -> float:
    score = 1.0 if deciding else 0.0
    ids = {each.fact for each in deciding}
    for finding in findings:
        chance = _chance(finding) * quality_factor(finding.quality)
        score *= chance if finding.fact in ids else 1 - ADVICE_WEIGHT * (1 - chance)
    return score


def _chance(finding: Finding) -> float:
    return chance_of(
        finding.answer, finding.probability if finding.HasField("probability") else None
    )


def chance_of(answer: Answer.ValueType, probability: float | None) -> float:
    """Return what an answer leaves of a score; of one that is not firm, its own probability."""
    if probability is not None and answer in _UNSURE:
        return min(max(probability, 0.0), 1.0)
    return _CHANCE[answer]


def quality_factor(quality: Quality.ValueType) -> float:
    """Return what a lesser quality leaves of a score."""
    return _QUALITY_FACTOR.get(quality, 1.0)


def _set_valid_until(verdict: Verdict, findings: Sequence[Finding]) -> None:
    times = [each.valid_until for each in findings if each.HasField("valid_until")]
    if times:
        soonest = min(times, key=lambda time: (time.seconds, time.nanos))
        verdict.valid_until.CopyFrom(soonest)


def _summary(verdict: Verdict, reasons: Mapping[str, str], complaints: Mapping[str, str]) -> str:
    answer = Answer.Name(verdict.answer).removeprefix("ANSWER_")
    if verdict.blockers:
        return f"{answer}, not acceptable: {_listed(verdict.blockers, {**reasons, **complaints})}"
    if not verdict.acceptable:
        return f"{answer}, not acceptable: none of the facts asked for decides"
    quality = Quality.Name(verdict.quality).removeprefix("QUALITY_").lower()
    kind = f" ({quality})" if verdict.quality in _QUALITY_FACTOR else ""
    if verdict.warnings:
        return f"{answer}{kind}, acceptable; {_listed(verdict.warnings, reasons)}"
    return f"{answer}, acceptable: nothing speaks against it"


def _listed(names: Sequence[str], reasons: Mapping[str, str]) -> str:
    texts = [f"{name}: {reasons[name]}" for name in names[:_SHOWN_FACTS]]
    hidden = len(names) - _SHOWN_FACTS
    return "; ".join(texts) + (f"; and {hidden} more" if hidden > 0 else "")
