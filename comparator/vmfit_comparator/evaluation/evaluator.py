"""Evaluates facts: presence and freshness enforced, every fact answered, none stops another."""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from vmfit.v1.finding_pb2 import Answer, Consequence, Evidence, Finding
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.evidence import text_of
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import FieldPath
from vmfit_comparator.evaluation.freshness import Age, PartAges
from vmfit_comparator.evaluation.lookup import Lookup
from vmfit_comparator.evaluation.probabilities import with_counts
from vmfit_comparator.evaluation.remembered import remembering
from vmfit_comparator.evaluation.result import Result, no_idea, not_applicable

_LOG = logging.getLogger(__name__)
_PROBABLY_YES = Answer.ANSWER_PROBABLY_YES
# Most of what is shown ("present", "none", "true") is the same for all migrations.
_KEPT = 4096
# Whose a field is that is not there, for people.
_OWNERS = {
    "vm": "the VM has no",
    "incoming": "the VM has no",
    "options": "the options do not ask for",
    "probes": "the probes found no",
    "source": "the source has no",
    "destination": "the destination has no",
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
) -> list[Finding]:
    """Return one finding per fact, in the order given.

    `at` is when the ages of `migration` hold, for `valid_until`; now by default. `ages` are those
    of `migration`, where the caller has them. A fact whose function raises is a bug: it is logged,
    and its finding alone carries the error.
    """
    moment = at or datetime.now(UTC)
    evaluation = _Evaluation(case, ages or PartAges(case), moment.timestamp())
    with remembering():
        return [evaluation.finding(fact) for fact in facts]


class _Evaluation:
    """One migration's findings. What several facts read is looked up once."""

    def __init__(self, case: Case, ages: PartAges, at_seconds: float) -> None:
        self._migration = case
        self._ages = ages
        self._at_seconds = at_seconds
        # None of them refers back to the evaluation: a cycle would be left to the collector.
        values = Lookup[FieldPath, list[Any] | None](lambda path: path.values(case))
        self._values = values
        self._holds = Lookup[FieldPath, bool](lambda path: path.holds(case))
        self._shown = Lookup[FieldPath, bytes](lambda path: _shown(path, values[path]))

    def finding(self, fact: Fact) -> Finding:
        """Return a fact's answer."""
        if fact.applies_if and not any(map(self._holds.__getitem__, fact.applies_if)):
            return self._not_applicable(fact)
        if None in map(self._values.__getitem__, fact.reads):
            return _message(fact, self._unset(fact.reads))
        try:
            outcome = fact.check(self._migration)
        except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs its own fact alone
            _LOG.exception("fact %s failed", fact.id)
            text = f"{type(error).__name__}: {error}"
            reason = f"the fact itself failed, please report it: {text}"
            return _message(fact, no_idea(reason), error=text)
        if outcome.not_applicable:
            return _message(fact, outcome)
        age = self._ages.oldest(fact.ageing)
        outcome = _degraded(with_counts(fact.id, outcome), age)
        finding = _message(fact, outcome, b"".join(map(self._shown.__getitem__, fact.inputs)))
        if age is not None:
            until = self._at_seconds + max(age.fresh_for_seconds, 0)
            valid_until = finding.valid_until
            valid_until.seconds, valid_until.nanos = int(until), int(until % 1 * 1e9)
        return finding

    def _not_applicable(self, fact: Fact) -> Finding:
        absent = [path for path in fact.applies_if if path.part and self._is_part_absent(path)]
        if absent:
            return _message(fact, self._unset(absent))
        return Finding.FromString(_does_not_apply(fact.id, fact.consequence, fact.applies_if))

    def _is_part_absent(self, path: FieldPath) -> bool:
        unset = self._values[path] is None
        return unset and path.missing(self._migration) == f"{path.root}.{path.part}"

    def _unset(self, paths: Sequence[FieldPath]) -> Result:
        """Return NO_IDEA that names those of the paths that are unset."""
        reasons: dict[str, str] = {}
        for path in paths:
            if self._values[path] is None:
                missing = path.missing(self._migration) or path.text
                reasons[missing] = self._ages.why_absent(path)
        text = "; ".join(f"{path} is not known{why}" for path, why in reasons.items())
        return no_idea(text, missing=tuple(reasons))


def _shown(path: FieldPath, values: list[Any] | None) -> bytes:
    return b"" if values is None else _evidence(path.text, text_of(values, path))


@lru_cache(_KEPT)
def _evidence(path: str, value: str) -> bytes:
    """Return a serialized finding with this evidence alone.

    Several, joined, are a finding with all of theirs: far quicker than to copy the messages.
    """
    return Finding(evidence=[Evidence(path=path, value=value)]).SerializeToString()


@lru_cache(_KEPT)
def _does_not_apply(
    fact_id: str, consequence: Consequence.ValueType, applies_if: tuple[FieldPath, ...]
) -> bytes:
    """Return a serialized finding: half of all, and the same for every migration."""
    whose: dict[str, list[str]] = {}
    for path in applies_if:
        owner = _OWNERS[path.root]
        name = path.text.removeprefix(f"{path.root}.")
        if name not in whose.setdefault(owner, []):
            whose[owner].append(name)
    texts = (f"{owner} {' or '.join(names)}" for owner, names in whose.items())
    finding = Finding(fact=fact_id, consequence=consequence)
    _fill(finding, not_applicable(f"does not apply: {', '.join(texts)}"))
    return finding.SerializeToString()


def _degraded(outcome: Result, age: Age | None) -> Result:
    if age is None or age.is_fresh:
        return outcome
    if age.is_expired:
        return no_idea(
            f"{age.path} is {age.text} old, too old to tell; then it was: {outcome.reason}",
            missing=(age.path,),
        )
    if outcome.answer not in _WEAKER:
        return outcome
    answer, probability = _WEAKER[outcome.answer]
    reason = f"{outcome.reason} ({age.path} is {age.text} old)"
    return outcome._replace(answer=answer, reason=reason, probability=probability)


def _message(fact: Fact, outcome: Result, evidence: bytes = b"", error: str = "") -> Finding:
    # Fields are set one by one: by keyword it takes several times as long.
    finding = Finding()
    finding.MergeFromString(evidence)
    finding.fact, finding.consequence, finding.error = fact.id, fact.consequence, error
    _fill(finding, outcome)
    return finding


def _fill(finding: Finding, outcome: Result) -> None:
    finding.answer, finding.reason = outcome.answer, outcome.reason
    if outcome.answer >= _PROBABLY_YES:
        finding.quality = outcome.quality
    if outcome.not_applicable:
        finding.not_applicable = True
    else:
        for name, value in outcome.evidence.items():
            finding.evidence.add(path=name, value=value)
    if outcome.probability is not None:
        finding.probability = outcome.probability
    if outcome.remedies:
        finding.remedies.extend(outcome.remedies)
    if outcome.missing:
        finding.missing.extend(outcome.missing)
    for name, each in outcome.subjects.items():
        subject = finding.subjects.add()
        subject.subject, subject.reason = name, each.reason
        subject.answer, subject.quality = each.answer, each.quality
