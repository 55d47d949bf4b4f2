"""What the outcome of a migration says of each fact's answer.

A fact asks whether one thing holds. The outcome tells so, whatever the fact answered:

- `migrated`: everything that could make a migration fail or break the guest held.
- A fact that is a cause did not hold.
- `refused`, `failed`: nothing is known of the other facts. The migration may have ended before
  their turn came.
- `broken`: the migration went through, so what could have made it fail held; of what else could
  break the guest nothing is known.
- Advice: no outcome tells whether things could be better; nothing is known.

Without a named cause the failure is put down to the facts that foresaw it: of those whose
consequence fits (for `broken` first those that break the guest, then those that fail), the ones
that said NO, or where none did PROBABLY_NO. If none foresaw it, the cause is unknown.
"""

from collections.abc import Collection, Mapping

from vmfit.v1.calibration_pb2 import MigrationOutcome
from vmfit.v1.finding_pb2 import Answer, Consequence
from vmfit_comparator.store.records import CheckRecord, Given, OutcomeRecord

MIGRATED = MigrationOutcome.MIGRATION_OUTCOME_MIGRATED
_BROKEN = MigrationOutcome.MIGRATION_OUTCOME_BROKEN
_FAILS = Consequence.CONSEQUENCE_FAILS
_BREAKS = Consequence.CONSEQUENCE_BREAKS_GUEST
_CERTAIN = {Answer.ANSWER_NO: 0.0, Answer.ANSWER_YES: 1.0}


def what_held(check: CheckRecord, outcome: OutcomeRecord) -> dict[str, bool]:
    """Return by fact id whether the thing asked for held; absent where that is unknown."""
    if outcome.outcome == MIGRATED:
        tested: Collection[int] = (_FAILS, _BREAKS)
    elif outcome.outcome == _BROKEN:
        tested = (_FAILS,)
    else:
        tested = ()
    held = {name: True for name, each in check.findings.items() if each.consequence in tested}
    held |= dict.fromkeys(_causes(check, outcome), False)
    return held


def came_true(answer: Answer.ValueType, held: bool | None) -> bool | None:  # noqa: FBT001 -- data
    """Return whether an answer was right; None when that is unknown, or for NO_IDEA."""
    if held is None or answer == Answer.ANSWER_NO_IDEA:
        return None
    return held == (answer > Answer.ANSWER_NO_IDEA)


def stated_probability(answer: Answer.ValueType, probability: float | None) -> float | None:
    """Return the probability that an answer gives to "it works"; None for NO_IDEA."""
    return None if answer == Answer.ANSWER_NO_IDEA else _CERTAIN.get(answer, probability)


def _causes(check: CheckRecord, outcome: OutcomeRecord) -> Collection[str]:
    if outcome.outcome == MIGRATED:
        return ()
    if outcome.causes:
        return outcome.causes
    consequences = (_BREAKS, _FAILS) if outcome.outcome == _BROKEN else (_FAILS,)
    for consequence in consequences:
        for answer in (Answer.ANSWER_NO, Answer.ANSWER_PROBABLY_NO):
            foresaw = _who_said(check.findings, answer, consequence)
            if foresaw:
                return foresaw
    return ()


def _who_said(
    findings: Mapping[str, Given], answer: Answer.ValueType, consequence: Consequence.ValueType
) -> list[str]:
    return [
        name
        for name, each in findings.items()
        if each.answer == answer and each.consequence == consequence
    ]
