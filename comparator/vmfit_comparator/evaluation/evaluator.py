"""Evaluates facts: presence and freshness enforced, every fact answered, none stops another."""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from vmfit.v1.finding_pb2 import Answer, Evidence, Finding, Quality, SubjectFinding
from vmfit_comparator.evaluation.evidence import text_of
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import FieldPath
from vmfit_comparator.evaluation.freshness import Age, PartAges
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import Outcome, no_idea, not_applicable
from vmfit_comparator.evaluation.probabilities import with_counts

_LOG = logging.getLogger(__name__)
_NO_QUALITY = Quality.QUALITY_UNSPECIFIED
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


class _Values(dict[FieldPath, list[Any] | None]):
    """What paths lead to, looked up when first asked for."""

    def __init__(self, migration: Migration) -> None:
        super().__init__()
        self._migration = migration

    def __missing__(self, path: FieldPath) -> list[Any] | None:
        self[path] = found = path.values(self._migration)
        return found


class _Shown(dict[FieldPath, Evidence | None]):
    """What paths lead to, as evidence; None when unset."""

    def __init__(self, values: _Values) -> None:
        super().__init__()
        self._values = values

    def __missing__(self, path: FieldPath) -> Evidence | None:
        values = self._values[path]
        shown = None if values is None else Evidence(path=path.text, value=text_of(values, path))
        self[path] = shown
        return shown


class _Evaluation:
    """One migration's findings. What several facts read is looked up once."""

    def __init__(self, migration: Migration, at_seconds: float) -> None:
        self._migration = migration
        self._ages = PartAges(migration)
        self._at_seconds = at_seconds
        self._values = _Values(migration)
        self._shown = _Shown(self._values)

    def finding(self, fact: Fact) -> Finding:
        """Return a fact's answer."""
        if fact.applies_if and not any(path.holds(self._migration) for path in fact.applies_if):
            return _message(fact, self._not_applicable(fact.applies_if))
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
        paths = fact.reads + fact.also_reads
        age = self._ages.oldest(paths)
        outcome = _degraded(with_counts(fact.id, outcome), age)
        evidence = [shown for path in paths if (shown := self._shown[path]) is not None]
        return _message(fact, outcome, evidence, valid_until=self._valid_until(age))

    def _not_applicable(self, applies_if: tuple[FieldPath, ...]) -> Outcome:
        in_parts = [path for path in applies_if if path.part is not None]
        unset = self._unset(in_parts, only_parts=True) if in_parts else None
        return unset or _does_not_apply(applies_if)

    def _unset(self, paths: Sequence[FieldPath], *, only_parts: bool = False) -> Outcome | None:
        """Return NO_IDEA for unset paths; with `only_parts`, only when a whole part is absent."""
        reasons: dict[str, str] = {}
        for path in paths:
            if self._values[path] is None:
                missing = path.missing(self._migration) or path.text
                if not only_parts or missing == f"{path.root}.{path.part}":
                    reasons[missing] = self._ages.why_absent(path)
        if not reasons:
            return None
        text = "; ".join(f"{path} is not known{why}" for path, why in reasons.items())
        return no_idea(text, missing=tuple(reasons))

    def _valid_until(self, age: Age | None) -> Timestamp | None:
        if age is None:
            return None
        until = self._at_seconds + max(age.fresh_for_seconds, 0)
        return Timestamp(seconds=int(until), nanos=int(until % 1 * 1e9))


@cache
def _does_not_apply(applies_if: tuple[FieldPath, ...]) -> Outcome:
    whose: dict[str, list[str]] = {}
    for path in applies_if:
        owner = _OWNERS[path.root]
        name = path.text.removeprefix(f"{path.root}.")
        if name not in whose.setdefault(owner, []):
            whose[owner].append(name)
    texts = (f"{owner} {' or '.join(names)}" for owner, names in whose.items())
    return not_applicable(f"does not apply: {', '.join(texts)}")


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
    fact: Fact,
    outcome: Outcome,
    evidence: Sequence[Evidence] = (),
    *,
    valid_until: Timestamp | None = None,
    error: str = "",
) -> Finding:
    good = outcome.answer >= _PROBABLY_YES
    finding = Finding(
        fact=fact.id,
        answer=outcome.answer,
        quality=outcome.quality if good else _NO_QUALITY,
        reason=outcome.reason,
        evidence=evidence,
        remedies=outcome.remedies,
        consequence=fact.consequence,
        probability=outcome.probability,
        missing=outcome.missing,
        not_applicable=outcome.not_applicable,
        valid_until=valid_until,
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
