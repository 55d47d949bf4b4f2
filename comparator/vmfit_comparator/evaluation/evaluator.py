"""Evaluates facts: presence and freshness enforced, every fact answered, none stops another."""

import logging
from collections.abc import Iterable, MutableMapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from vmfit.v1.finding_pb2 import Answer, Consequence, Evidence, Finding, SubjectFinding
from vmfit_comparator.evaluation.applicability import Applicability
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evidence import text_of
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import FieldPath
from vmfit_comparator.evaluation.freshness import Age, PartAges
from vmfit_comparator.evaluation.lookup import Lookup
from vmfit_comparator.evaluation.probabilities import with_counts
from vmfit_comparator.evaluation.rests_on import RestsOn
from vmfit_comparator.evaluation.result import Result, no_idea, not_applicable
from vmfit_comparator.evaluation.subjects import found

_LOG = logging.getLogger(__name__)
_PROBABLY_YES = Answer.ANSWER_PROBABLY_YES
# Most of what is shown ("present", "none", "true") is the same for all cases.
_KEPT = 4096
Known = MutableMapping[bytes, Result]
"""Results by the keys of what they rest on (RestsOn), whatever VM and hosts these come from."""
# Whose a field is that is not there, for people.
_OWNERS = {
    "vm": "the VM has no",
    "incoming": "the VM has no",
    "options": "the options do not ask for",
    "probes": "the probes found no",
    "source": "the source has no",
    "destination": "the destination has no",
    "policy": "the policy has no",
}
# What too old an input makes of a firm answer, with the probability that it works.
_WEAKER = {
    Answer.ANSWER_YES: (Answer.ANSWER_PROBABLY_YES, 0.9),
    Answer.ANSWER_NO: (Answer.ANSWER_PROBABLY_NO, 0.1),
}


def evaluate(
    facts: Iterable[Fact],
    case: Case,
    at: datetime | None = None,
    ages: PartAges | None = None,
    known: Known | None = None,
) -> list[Finding]:
    """Return one finding per fact, in the order given.

    `at` is when the ages of `case` hold, for `valid_until`; now by default. `ages` are those
    of `case`, where the caller has them. What is `known` by what it rests on is not asked again,
    and what is found is added to it. A fact whose function raises is a bug: it is logged,
    and its finding alone carries the error.
    """
    moment = at or datetime.now(UTC)
    evaluation = Evaluation(case, ages or PartAges(case), moment.timestamp(), known)
    return [evaluation.finding(fact) for fact in facts]


def results(facts: Iterable[Fact], case: Case) -> dict[str, Result]:
    """Return what facts say of a case, by id, whatever the age of what they read.

    Bugs are raised.
    """
    evaluation = Evaluation(case)
    return {each.id: evaluation.result(each) for each in facts}


class Evaluation:
    """One case's findings. What several facts read is looked up once."""

    def __init__(
        self,
        case: Case,
        ages: PartAges | None = None,
        at_seconds: float = 0.0,
        known: Known | None = None,
    ) -> None:
        self._case = case
        self._known_ages = ages
        self._at_seconds = at_seconds
        self._known = known
        self._rests_on = RestsOn(case, self._ages) if known is not None else None
        # None of them refers back to the evaluation: a cycle would be left to the collector.
        values = Lookup[FieldPath, list[Any] | None](lambda path: path.values(case))
        self._values = values
        self._why_not = Lookup[Applicability, str](lambda each: each.why_not(case))
        self._holds = Lookup[FieldPath, bool](lambda path: path.holds(case))
        self._shown = Lookup[FieldPath, bytes](lambda path: _shown(path, values[path]))

    @property
    def _ages(self) -> PartAges:
        """The parts' ages: who asks for results only seldom needs them."""
        if self._known_ages is None:
            self._known_ages = PartAges(self._case)
        return self._known_ages

    def finding(self, fact: Fact) -> Finding:
        """Return a fact's answer."""
        result = self.caught(fact)
        if isinstance(result, str):
            reason = f"the fact itself failed, please report it: {result}"
            return _message(fact, no_idea(reason), error=result)
        if result.not_applicable:
            if not result.subjects:
                return Finding.FromString(_does_not_apply(fact.id, fact.consequence, result.reason))
            return _message(fact, result)
        if result.unset:
            return _message(fact, result)
        age = self._ages.oldest(fact.ageing)
        result = degraded(with_counts(fact.id, result), age)
        finding = _message(fact, result, b"".join(map(self._shown.__getitem__, fact.shown)))
        if age is not None:
            until = self._at_seconds + max(age.fresh_for_seconds, 0)
            valid_until = finding.valid_until
            valid_until.seconds, valid_until.nanos = int(until), int(until % 1 * 1e9)
        return finding

    def caught(self, fact: Fact) -> Result | str:
        """Return what a fact says, whatever the age of what it reads; a bug's text for a bug."""
        try:
            return self._result_by_key(fact)
        except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs its own fact alone
            _LOG.exception("fact %s failed", fact.id)
            return f"{type(error).__name__}: {error}"

    def _result_by_key(self, fact: Fact) -> Result:
        if self._known is None or self._rests_on is None:
            return self.result(fact)
        key = self._rests_on.key(fact)
        if key is None:
            return self.result(fact)
        if key not in self._known:
            self._known[key] = self.result(fact)
        return self._known[key]

    def result(self, fact: Fact) -> Result:
        """Return what a fact says: that it does not apply, what it lacks, or what it finds."""
        applicability = fact.applicability
        if why := self._why_not[applicability]:
            return not_applicable(f"does not apply: {why}")
        any_of = applicability.any_of
        if any_of and not any(map(self._holds.__getitem__, any_of)):
            return self._without(any_of)
        if fact.each and (why := self._without_subjects(fact)):
            return not_applicable(why)
        if None in map(self._values.__getitem__, fact.needs):
            return self._unset(fact.needs)
        return fact.result(self._case)

    def _without_subjects(self, fact: Fact) -> str:
        """Return that there is nothing to ask about; empty where there is, or may be, something."""
        if found(fact.each, self._case):
            return ""
        if None in map(self._values.__getitem__, fact.tells_subjects):
            return ""
        return _no_subjects(tuple(each.noun for each in fact.each))

    def _without(self, any_of: Sequence[FieldPath]) -> Result:
        absent = [path for path in any_of if path.part and self._is_part_absent(path)]
        return self._unset(absent) if absent else not_applicable(_without_text(tuple(any_of)))

    def _is_part_absent(self, path: FieldPath) -> bool:
        unset = self._values[path] is None
        return unset and path.missing(self._case) == f"{path.root}.{path.part}"

    def _unset(self, paths: Sequence[FieldPath]) -> Result:
        """Return NO_IDEA that names those of the paths that are unset."""
        reasons: dict[str, str] = {}
        for path in paths:
            if self._values[path] is None:
                missing = path.missing(self._case) or path.text
                reasons[missing] = self._ages.why_absent(path)
        text = "; ".join(f"{path} is not known{why}" for path, why in reasons.items())
        return no_idea(text, missing=tuple(reasons))._replace(unset=True)


def _shown(path: FieldPath, values: list[Any] | None) -> bytes:
    return b"" if values is None else _evidence(path.text, text_of(values, path))


@lru_cache(_KEPT)
def _evidence(path: str, value: str) -> bytes:
    """Return a serialized finding with this evidence alone.

    Several, joined, are a finding with all of theirs: far quicker than to copy the messages.
    """
    return Finding(evidence=[Evidence(path=path, value=value)]).SerializeToString()


@lru_cache(_KEPT)
def _does_not_apply(fact_id: str, consequence: Consequence.ValueType, reason: str) -> bytes:
    """Return a serialized finding: half of all, and the same for most cases."""
    finding = Finding(fact=fact_id, consequence=consequence)
    _fill(finding, not_applicable(reason))
    return finding.SerializeToString()


@lru_cache(_KEPT)
def _no_subjects(nouns: tuple[str, ...]) -> str:
    return f"does not apply: the VM has no {' or '.join(nouns)}"


@lru_cache(_KEPT)
def _without_text(any_of: tuple[FieldPath, ...]) -> str:
    whose: dict[str, list[str]] = {}
    for path in any_of:
        owner = _OWNERS[path.root]
        name = path.text.removeprefix(f"{path.root}.")
        if name not in whose.setdefault(owner, []):
            whose[owner].append(name)
    texts = (f"{owner} {' or '.join(names)}" for owner, names in whose.items())
    return f"does not apply: {', '.join(texts)}"


def degraded(result: Result, age: Age | None) -> Result:
    """Return what the age of its inputs makes of a result."""
    if age is None or age.is_fresh:
        return result
    if age.is_expired:
        return no_idea(
            f"{age.path} is {age.text} old, too old to tell; then it was: {result.reason}",
            missing=(age.path,),
        )
    if result.answer not in _WEAKER:
        return result
    answer, probability = _WEAKER[result.answer]
    reason = f"{result.reason} ({age.path} is {age.text} old)"
    return result._replace(answer=answer, reason=reason, probability=probability)


def _message(fact: Fact, result: Result, evidence: bytes = b"", error: str = "") -> Finding:
    # Fields are set one by one: by keyword it takes several times as long.
    finding = Finding()
    finding.MergeFromString(evidence)
    finding.fact, finding.consequence, finding.error = fact.id, fact.consequence, error
    _fill(finding, result)
    return finding


def _fill(finding: Finding, result: Result) -> None:
    _fill_shared(finding, result)
    if result.missing:
        finding.missing.extend(result.missing)
    for name, each in result.subjects.items():
        subject = finding.subjects.add()
        subject.subject = name
        _fill_shared(subject, each)


def _fill_shared(message: Finding | SubjectFinding, result: Result) -> None:
    """Fill what findings and those of their subjects have alike."""
    message.answer, message.reason = result.answer, result.reason
    if result.answer >= _PROBABLY_YES:
        message.quality = result.quality
    if result.not_applicable:
        message.not_applicable = True
    else:
        for name, value in result.evidence.items():
            message.evidence.add(path=name, value=value)
    if result.probability is not None:
        message.probability = result.probability
    if result.remedies:
        message.remedies.extend(result.remedies)
