"""Facts that a policy declares in CEL."""

import re
from collections.abc import Iterator, Mapping

from vmfit.v1.finding_pb2 import Answer, Consequence, Remedy
from vmfit.v1.policy_pb2 import Policy, UserFact
from vmfit_comparator.evaluation.applicability import Applicability
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Check, Fact
from vmfit_comparator.evaluation.field_path import FieldPath, field_path
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.policies.cel.errors import ExpressionError
from vmfit_comparator.policies.cel.interpreter import Interpreter
from vmfit_comparator.policies.cel.process import Given
from vmfit_comparator.policies.cel.scope import ANSWERS, MIGRATION
from vmfit_comparator.policies.cel.texts import paths_read
from vmfit_comparator.policies.expressions import Expressions, Written
from vmfit_comparator.policies.policy_error import PolicyError

_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_GIVES = ("BOOL", "STRING", "INT")


def user_facts(
    policy: Policy, catalogue: Mapping[str, Fact], interpreter: Interpreter | None
) -> dict[str, Fact]:
    """Return the facts that a policy declares, compiled and with their paths checked.

    Each reads what it declares and what its expressions take values from. Raises PolicyError.
    """
    own: dict[str, FieldPaths] = {}
    for index, declared in enumerate(policy.user_facts):
        where = f"user_facts[{index}]"
        if not _ID.fullmatch(declared.id):
            raise PolicyError(f"{where}.id", f"{declared.id!r} is not of the form site.rack")
        if declared.id in catalogue or declared.id in own:
            raise PolicyError(f"{where}.id", f"{declared.id} is taken by another fact")
        if declared.consequence not in Consequence.values():
            raise PolicyError(f"{where}.consequence", f"{declared.consequence} is none")
        own[declared.id] = _reads(declared, where)
    expressions = Expressions(MIGRATION, list(_written(policy)), interpreter)
    return {each.id: _fact(each, own[each.id], expressions) for each in policy.user_facts}


FieldPaths = tuple[FieldPath, ...]


def _written(policy: Policy) -> Iterator[Written]:
    for index, declared in enumerate(policy.user_facts):
        where = f"user_facts[{index}]"
        yield Written(f"{where}.expression", declared.expression, _GIVES)
        if declared.applies_if.strip():
            yield Written(f"{where}.applies_if", declared.applies_if, ("BOOL",))


def _fact(declared: UserFact, reads: FieldPaths, expressions: Expressions) -> Fact:
    question = declared.question.strip() or f"Does {declared.id} hold?"
    return Fact(
        id=declared.id,
        question=question,
        consequence=declared.consequence or Consequence.CONSEQUENCE_FAILS,
        applicability=Applicability(offline=True),
        needs=reads,
        check=_check(declared, expressions),
        user_defined=True,
        description=f"`{declared.expression.strip()}`",
    )


def _reads(declared: UserFact, where: str) -> FieldPaths:
    paths: dict[str, FieldPath] = {}
    for index, text in enumerate(declared.reads):
        try:
            paths[text] = field_path(text)
        except ValueError as error:
            raise PolicyError(f"{where}.reads[{index}]", str(error)) from None
    # A path through a map (attributes) is no field path: the expression itself must look there.
    for text in (*paths_read(declared.applies_if), *paths_read(declared.expression)):
        try:
            paths[text] = field_path(text)
        except ValueError:
            continue
    return tuple(paths.values())


def _check(declared: UserFact, expressions: Expressions) -> Check:
    # The fact may outlive the message, which may change after.
    own = UserFact()
    own.CopyFrom(declared)

    def check(case: Case) -> Result:
        given = _results(expressions, case)
        applies = given[own.applies_if] if own.applies_if.strip() else True
        for each in (applies, given[own.expression]):
            if isinstance(each, ExpressionError):
                return no_idea(f"the expression could not be evaluated: {each}")
            if applies is False:
                return not_applicable(f"does not apply: {own.applies_if.strip()} does not hold")
        return _outcome(own, given[own.expression])

    return check


@once
def _results(expressions: Expressions, case: Case) -> Mapping[str, Given]:
    """Return what all expressions of the policy give: its facts ask together."""
    return expressions.evaluate(
        {
            "source": case.source,
            "destination": case.destination,
            "vm": case.vm,
            "incoming": case.incoming,
            "options": case.options,
        }
    )


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
