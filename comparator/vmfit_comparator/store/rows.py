"""Records as rows of the tables and back. What a row holds is believed only as far as it can be."""

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from vmfit.v1.calibration_pb2 import MigrationOutcome
from vmfit.v1.finding_pb2 import Answer, Consequence
from vmfit_comparator.store.records import CheckRecord, Given, OutcomeRecord, StoreError
from vmfit_comparator.store.tables import CHECKS, OUTCOMES

_SHOWN_CHARACTERS = 40


def check_row(check: CheckRecord) -> Mapping[str, Any]:
    """Return a check as a row."""
    return {
        "id": check.id,
        "checked_at_us": int(check.checked_at_seconds * 1e6),
        "vm_name": check.vm_name,
        "vm_uuid": check.vm_uuid,
        "source_host": check.source_host,
        "destination_host": check.destination_host,
        "options_digest": check.options_digest,
        "policy": check.policy,
        "answer": check.answer,
        "probability": check.probability,
        "acceptable": check.acceptable,
        "is_whole": check.is_whole,
        "findings": {
            fact: [given.answer, given.consequence]
            if given.probability is None
            else [given.answer, given.consequence, given.probability]
            for fact, given in check.findings.items()
        },
    }


def check_of(row: RowMapping) -> CheckRecord:
    """Return the check of a row. Raises StoreError, naming the row, for one that is damaged."""
    try:
        return CheckRecord(
            id=_text(row["id"]),
            checked_at_seconds=row["checked_at_us"] / 1e6,
            vm_name=_text(row["vm_name"]),
            vm_uuid=_text(row["vm_uuid"]),
            source_host=_text(row["source_host"]),
            destination_host=_text(row["destination_host"]),
            options_digest=_text(row["options_digest"]),
            policy=_text(row["policy"]),
            answer=_number(row["answer"], Answer),
            probability=_probability(row["probability"]),
            acceptable=row["acceptable"],
            is_whole=row["is_whole"],
            findings={_text(fact): _given(values) for fact, values in row["findings"].items()},
        )
    except (TypeError, ValueError, AttributeError):
        raise _damaged(CHECKS.name, row["id"]) from None


def outcome_of(row: RowMapping) -> OutcomeRecord:
    """Return the outcome of a row. Raises StoreError, naming the row, for one that is damaged."""
    try:
        outcome = _number(row["outcome"], MigrationOutcome)
        return OutcomeRecord(outcome, _text(row["text"]), tuple(map(_text, row["causes"])))
    except (TypeError, ValueError):
        raise _damaged(OUTCOMES.name, row.get("check_id", row.get("id"))) from None


def _damaged(table: str, key: object) -> StoreError:
    return StoreError(f"the row {str(key)[:_SHOWN_CHARACTERS]!a} of {table} is damaged")


def _given(values: list[Any]) -> Given:
    answer, consequence, *rest = values
    (probability,) = rest or (None,)
    return Given(
        _number(answer, Answer), _number(consequence, Consequence), _probability(probability)
    )


def _text(value: Any) -> str:  # noqa: ANN401 -- whatever a damaged row holds
    if not isinstance(value, str):
        raise TypeError
    # Bytes that were no UTF-8 are surrogates now.
    value.encode()
    return value


def _number(value: Any, kind: Any) -> Any:  # noqa: ANN401 -- an enum of the contract
    if type(value) is not int or value not in kind.values():
        raise ValueError
    return value


def _probability(value: Any) -> float | None:  # noqa: ANN401 -- whatever a damaged row holds
    if value is None:
        return None
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise ValueError
    return float(value)
