"""Facts that a policy declares in CEL."""

from vmfit.v1.finding_pb2 import Answer, Consequence, Remedy
from vmfit.v1.policy_pb2 import UserFact
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Check, Fact
from vmfit_comparator.evaluation.field_path import FieldPath, field_path
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.policies.expressions import ANSWERS, MIGRATION, ExpressionError, paths_read


class UserFactError(ValueError):
    """A user's fact that cannot be used; `field` is the field of UserFact that is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def user_fact(declared: UserFact) -> Fact:
    """Return the fact, with its expressions compiled and its paths checked.

    It reads what it declares and what its expressions take values from. Raises UserFactError.
    """
    question = declared.question.strip() or f"Does {declared.id} hold?"
    return Fact(
        id=declared.id,
        question=question,
        consequence=declared.consequence or Consequence.CONSEQUENCE_FAILS,
        applies_if=(),
        reads=_reads(declared),
        also_reads=(),
        check=_check(declared),
        user_defined=True,
        text=f"`{declared.expression.strip()}`",
    )


def _reads(declared: UserFact) -> tuple[FieldPath, ...]:
    paths: dict[str, FieldPath] = {}
    for index, text in enumerate(declared.reads):
        try:
            paths[text] = field_path(text)
        except ValueError as error:
            raise UserFactError(f"reads[{index}]", str(error)) from None
    # A path through a map (attributes) is no field path: the expression itself must look there.
    for text in (*paths_read(declared.applies_if), *paths_read(declared.expression)):
        try:
            paths[text] = field_path(text)
        except ValueError:
            continue
    return tuple(paths.values())


def _check(declared: UserFact) -> Check:
    try:
        expression = MIGRATION.compile(declared.expression, gives=("BOOL", "STRING", "INT"))
    except ExpressionError as error:
        raise UserFactError("expression", str(error)) from None
    applies_if = None
    if declared.applies_if.strip():
        try:
            applies_if = MIGRATION.compile(declared.applies_if, gives=("BOOL",))
        except ExpressionError as error:
            raise UserFactError("applies_if", str(error)) from None
    # The expressions live as long as the fact; the message may change after.
    own = UserFact()
    own.CopyFrom(declared)

    def check(case: Case) -> Result:
        values = {
            "source": case.source,
            "destination": case.destination,
            "vm": case.vm,
            "incoming": case.incoming,
            "options": case.options,
        }
        try:
            if applies_if is not None and not applies_if.evaluate(values):
                return not_applicable(f"does not apply: {own.applies_if.strip()} does not hold")
            return _outcome(own, expression.evaluate(values))
        except ExpressionError as error:
            return no_idea(f"the expression could not be evaluated: {error}")

    return check


def _outcome(declared: UserFact, result: object) -> Result:
    names = {number: name for name, number in ANSWERS.items()}
    if isinstance(result, bool):
        answer = Answer.ANSWER_YES if result else Answer.ANSWER_NO
    else:
        found = ANSWERS.get(result) if isinstance(result, str) else result
        if not isinstance(found, int) or found not in names:
            return no_idea(f"the expression gives {str(result)[:100]!r}, which is no answer")
        answer = Answer.ValueType(found)
    good = answer >= Answer.ANSWER_PROBABLY_YES
    reason = declared.reason_yes if good else declared.reason_no
    text = reason or f"{declared.expression.strip()} gives {names[answer]}"
    remedies = [Remedy(summary=declared.remedy)] if declared.remedy and not good else []
    if answer == Answer.ANSWER_YES:
        return yes(text)
    if answer == Answer.ANSWER_PROBABLY_YES:
        return probably_yes(text)
    if answer == Answer.ANSWER_NO_IDEA:
        return no_idea(text, remedies=remedies)
    make = probably_no if answer == Answer.ANSWER_PROBABLY_NO else no
    return make(text, remedies=remedies)
