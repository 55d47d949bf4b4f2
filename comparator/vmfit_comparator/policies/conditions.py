"""Conditions over the findings and the verdict, all of which must hold."""

from collections.abc import Sequence

from vmfit.v1.finding_pb2 import Finding, Verdict
from vmfit.v1.policy_pb2 import Condition
from vmfit_comparator.policies.cel.errors import ExpressionError
from vmfit_comparator.policies.cel.interpreter import Interpreter
from vmfit_comparator.policies.cel.scope import CONDITION
from vmfit_comparator.policies.expressions import Expressions, Written
from vmfit_comparator.policies.policy_error import PolicyError


class Conditions:
    """A policy's conditions, compiled."""

    def __init__(self, conditions: Sequence[Condition], interpreter: Interpreter) -> None:
        """Check and compile them. Raises PolicyError."""
        seen: set[str] = set()
        for index, each in enumerate(conditions):
            if not each.name.strip() or each.name in seen:
                complaint = f"{each.name!r} is empty or there twice"
                raise PolicyError(f"conditions[{index}].name", complaint)
            seen.add(each.name)
        written = [
            Written(f"conditions[{index}].expression", each.expression, ("BOOL",))
            for index, each in enumerate(conditions)
        ]
        self._expressions = Expressions(CONDITION, written, interpreter)
        self._conditions = [(each.name, each.expression, each.message) for each in conditions]

    def failed(self, findings: Sequence[Finding], verdict: Verdict) -> dict[str, str]:
        """Return the conditions that do not hold, by name, each with what to tell people."""
        results = self._expressions.evaluate({"findings": findings, "verdict": verdict})
        failed: dict[str, str] = {}
        for name, text, message in self._conditions:
            given = results[text]
            if isinstance(given, ExpressionError):
                failed[name] = f"could not be evaluated: {given}"
            elif not given:
                failed[name] = message or "does not hold"
        return failed
