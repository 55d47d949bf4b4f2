"""Evaluates facts: presence and freshness enforced, every fact answered, none stops another."""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from vmfit.v1.finding_pb2 import Answer, Evidence, Finding, Quality, SubjectFinding
from vmfit_comparator.fact import Fact
from vmfit_comparator.field_path import FieldPath
from vmfit_comparator.freshness import Age, PartAges
from vmfit_comparator.migration import Migration
from vmfit_comparator.outcome import Outcome, no_idea, not_applicable

_LOG = logging.getLogger(__name__)
_SHOWN_ELEMENTS = 8
_SHOWN_CHARACTERS = 200


def evaluate(
    facts: Iterable[Fact], migration: Migration, at: datetime | None = None
) -> list[Finding]:
    """Return one finding per fact, in the order given.

    `at` is when the ages of `migration` hold, for `valid_until`; now by default. A fact whose
    function raises is a bug: it is logged, and its finding alone carries the error.
    """
    ages = PartAges(migration)
    moment = at or datetime.now(UTC)
    return [_finding(fact, migration, ages, moment) for fact in facts]


def _finding(fact: Fact, migration: Migration, ages: PartAges, at: datetime) -> Finding:
    if fact.applies_if and not any(_holds(path, migration) for path in fact.applies_if):
        unset = _unset(fact.applies_if, migration, ages, only_parts=True)
        outcome = unset or not_applicable(_why_not_applicable(fact))
        return _message(fact, outcome)
    missing = _unset(fact.reads, migration, ages)
    if missing:
        return _message(fact, missing)
    try:
        outcome = fact.check(migration)
    except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs its own fact alone
        _LOG.exception("fact %s failed", fact.id)
        text = f"{type(error).__name__}: {error}"
        return _message(fact, no_idea(f"the fact itself failed, please report it: {text}"), text)
    if outcome.not_applicable:
        return _message(fact, outcome)
    age = ages.oldest((*fact.reads, *fact.also_reads))
    finding = _message(fact, _degraded(outcome, age))
    _add_evidence(finding, fact, outcome, migration)
    if age is not None and age.fresh_for_seconds is not None:
        finding.valid_until.FromDatetime(at + timedelta(seconds=max(age.fresh_for_seconds, 0)))
    return finding


def _why_not_applicable(fact: Fact) -> str:
    paths = " or ".join(path.text.removeprefix("vm.") for path in fact.applies_if)
    return f"does not apply: the VM has no {paths}"


def _holds(path: FieldPath, migration: Migration) -> bool:
    values = path.values(migration)
    if not values:
        return False
    return any(isinstance(value, Message) or bool(value) for value in values)


def _unset(
    paths: Sequence[FieldPath], migration: Migration, ages: PartAges, *, only_parts: bool = False
) -> Outcome | None:
    """Return NO_IDEA for unset paths; with `only_parts`, only when a whole part is absent."""
    reasons: dict[str, str] = {}
    for path in paths:
        missing = path.missing(migration)
        if missing and (not only_parts or missing == f"{path.root}.{path.part}"):
            reasons[missing] = ages.why_absent(path)
    if not reasons:
        return None
    text = "; ".join(f"{path} is not known{why}" for path, why in reasons.items())
    return no_idea(text, missing=tuple(reasons))


def _degraded(outcome: Outcome, age: Age | None) -> Outcome:
    if age is None or age.is_fresh:
        return outcome
    if age.is_expired:
        return no_idea(
            f"{age.path} is {age.text} old, too old to tell; then it was: {outcome.reason}",
            missing=(age.path,),
        )
    weaker = {
        Answer.ANSWER_YES: (Answer.ANSWER_PROBABLY_YES, 0.9),
        Answer.ANSWER_NO: (Answer.ANSWER_PROBABLY_NO, 0.1),
    }.get(outcome.answer)
    if weaker is None:
        return outcome
    answer, probability = weaker
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


def _message(fact: Fact, outcome: Outcome, error: str = "") -> Finding:
    finding = Finding(
        fact=fact.id,
        answer=outcome.answer,
        quality=outcome.quality,
        reason=outcome.reason,
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
    if outcome.answer < Answer.ANSWER_PROBABLY_YES:
        finding.quality = Quality.QUALITY_UNSPECIFIED
    return finding


def _add_evidence(finding: Finding, fact: Fact, outcome: Outcome, migration: Migration) -> None:
    for path in (*fact.reads, *fact.also_reads):
        values = path.values(migration)
        if values is not None:
            finding.evidence.append(Evidence(path=path.text, value=_text(values, path)))
    for name, value in outcome.evidence.items():
        finding.evidence.append(Evidence(path=name, value=value))


def _text(values: list[Any], path: FieldPath) -> str:
    if len(values) != 1:
        return f"{len(values)} values" if len(values) > _SHOWN_ELEMENTS else _list_text(values)
    value = values[0]
    if isinstance(value, Message):
        return "present"
    if path.steps and path.steps[-1].repeated:
        return f"{len(value)} entries" if len(value) > _SHOWN_ELEMENTS else _list_text(value)
    return _scalar_text(value)


def _list_text(values: Iterable[Any]) -> str:
    return ", ".join("…" if isinstance(each, Message) else _scalar_text(each) for each in values)


def _scalar_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
