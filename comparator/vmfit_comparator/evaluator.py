"""Evaluates facts: presence and freshness enforced, every fact answered, none stops another."""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from vmfit.v1.finding_pb2 import Answer, Evidence, Finding, Quality, SubjectFinding
from vmfit_comparator.evidence import text_of
from vmfit_comparator.fact import Fact
from vmfit_comparator.field_path import FieldPath
from vmfit_comparator.freshness import Age, PartAges
from vmfit_comparator.migration import Migration
from vmfit_comparator.outcome import Outcome, no_idea, not_applicable
from vmfit_comparator.probabilities import with_counts

_LOG = logging.getLogger(__name__)
_PROBABLY_YES = Answer.ANSWER_PROBABLY_YES
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
    facts: Iterable[Fact], migration: Migration, at: datetime | None = None
) -> list[Finding]:
    """Return one finding per fact, in the order given.

    `at` is when the ages of `migration` hold, for `valid_until`; now by default. A fact whose
    function raises is a bug: it is logged, and its finding alone carries the error.
    """
    moment = at or datetime.now(UTC)
    evaluation = _Evaluation(migration, moment.timestamp())
    return [evaluation.finding(fact) for fact in facts]


class _Evaluation:
    """One migration's findings. What several facts read is looked up once."""

    def __init__(self, migration: Migration, at_seconds: float) -> None:
        self._migration = migration
        self._ages = PartAges(migration)
        self._at_seconds = at_seconds
        self._values: dict[str, list[Any] | None] = {}
        self._shown: dict[str, Evidence] = {}

    def finding(self, fact: Fact) -> Finding:
        """Return a fact's answer."""
        if fact.applies_if and not any(path.holds(self._migration) for path in fact.applies_if):
            unset = self._unset(fact.applies_if, only_parts=True)
            return _message(fact, unset or not_applicable(_why_not_applicable(fact.applies_if)))
        missing = self._unset(fact.reads)
        if missing:
            return _message(fact, missing)
        try:
            outcome = fact.check(self._migration)
        except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs its own fact alone
            _LOG.exception("fact %s failed", fact.id)
            text = f"{type(error).__name__}: {error}"
            reason = f"the fact itself failed, please report it: {text}"
            return _message(fact, no_idea(reason), error=text)
        if outcome.not_applicable:
            return _message(fact, outcome)
        paths = (*fact.reads, *fact.also_reads)
        age = self._ages.oldest(paths)
        outcome = with_counts(fact.id, outcome)
        finding = _message(fact, _degraded(outcome, age), self._evidence(paths))
        if age is not None:
            self._set_valid_until(finding, age)
        return finding

    def _values_of(self, path: FieldPath) -> list[Any] | None:
        key = path.text
        if key not in self._values:
            self._values[key] = path.values(self._migration)
        return self._values[key]

    def _unset(self, paths: Sequence[FieldPath], *, only_parts: bool = False) -> Outcome | None:
        """Return NO_IDEA for unset paths; with `only_parts`, only when a whole part is absent."""
        reasons: dict[str, str] = {}
        for path in paths:
            if self._values_of(path) is None:
                missing = path.missing(self._migration) or path.text
                if not only_parts or missing == f"{path.root}.{path.part}":
                    reasons[missing] = self._ages.why_absent(path)
        if not reasons:
            return None
        text = "; ".join(f"{path} is not known{why}" for path, why in reasons.items())
        return no_idea(text, missing=tuple(reasons))

    def _evidence(self, paths: Sequence[FieldPath]) -> list[Evidence]:
        found = []
        for path in paths:
            evidence = self._shown.get(path.text)
            if evidence is None:
                values = self._values_of(path)
                if values is None:
                    continue
                evidence = Evidence(path=path.text, value=text_of(values, path))
                self._shown[path.text] = evidence
            found.append(evidence)
        return found

    def _set_valid_until(self, finding: Finding, age: Age) -> None:
        until = self._at_seconds + max(age.fresh_for_seconds, 0)
        finding.valid_until.seconds = int(until)
        finding.valid_until.nanos = int(until % 1 * 1e9)


@cache
def _why_not_applicable(applies_if: tuple[FieldPath, ...]) -> str:
    whose: dict[str, list[str]] = {}
    for path in applies_if:
        owner = _OWNERS[path.root]
        name = path.text.removeprefix(f"{path.root}.")
        if name not in whose.setdefault(owner, []):
            whose[owner].append(name)
    texts = (f"{owner} {' or '.join(names)}" for owner, names in whose.items())
    return f"does not apply: {', '.join(texts)}"


def _degraded(outcome: Outcome, age: Age | None) -> Outcome:
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
    return Outcome(
        answer,
        f"{outcome.reason} ({age.path} is {age.text} old)",
        outcome.quality,
        outcome.remedies,
        outcome.evidence,
        probability,
        outcome.missing,
        outcome.subjects,
    )


def _message(
    fact: Fact, outcome: Outcome, evidence: Sequence[Evidence] = (), *, error: str = ""
) -> Finding:
    good = outcome.answer >= _PROBABLY_YES
    finding = Finding(
        fact=fact.id,
        answer=outcome.answer,
        quality=outcome.quality if good else Quality.QUALITY_UNSPECIFIED,
        reason=outcome.reason,
        evidence=evidence,
        remedies=outcome.remedies,
        consequence=fact.consequence,
        probability=outcome.probability,
        missing=outcome.missing,
        not_applicable=outcome.not_applicable,
        error=error,
    )
    for name, each in outcome.subjects.items():
        finding.subjects.append(
            SubjectFinding(
                subject=name, answer=each.answer, quality=each.quality, reason=each.reason
            )
        )
    if not outcome.not_applicable:
        for name, value in outcome.evidence.items():
            finding.evidence.add(path=name, value=value)
    return finding
