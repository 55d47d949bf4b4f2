"""CEL expressions over the contract's messages, checked against their types when compiled.

The interpreter bounds itself: 32 levels of nesting and 10,000 iterations in one evaluation, and
regular expressions take linear time.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool

from vmfit.v1.finding_pb2 import Answer, Finding, Verdict
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm

MAX_EXPRESSION_CHARACTERS = 4096

# The answers by name: they compare in order, findings["cpu.features"].answer >= PROBABLY_YES.
ANSWERS = {name.removeprefix("ANSWER_"): number for name, number in Answer.items() if number}
_TEXT_LITERAL = re.compile(r"""[rRbB]{0,2}("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""")
_PATH = re.compile(r"(?<![\w.])(source|destination|vm|incoming|options)((?:\.\w+)+)(\()?")
_HAS = re.compile(r"\bhas\(\s*([\w.]+)\s*\)")


class ExpressionError(ValueError):
    """An expression that cannot be compiled or evaluated; the message is one line."""


class Expression:
    """A compiled expression."""

    def __init__(self, text: str, compiled: Any, roots: Collection[str]) -> None:  # noqa: ANN401 -- CEL's own
        self._text = text
        self._compiled = compiled
        self._roots = roots

    def evaluate(self, values: Mapping[str, Any]) -> bool | str | int:
        """Return what the expression gives. Raises ExpressionError, naming the reason."""
        data = {name: values[name] for name in self._roots}
        try:
            value = self._compiled.eval(data={**data, **ANSWERS})
        except RuntimeError as error:
            raise ExpressionError(_reason(error)) from None
        result = value.plain_value()
        if value.type().name() in ("ERROR", "UNKNOWN"):
            raise ExpressionError(_reason(result))
        if not isinstance(result, bool | str | int):
            raise ExpressionError(f"gives a {type(result).__name__}")
        return result


class Scope:
    """The variables that an expression may name, with their types."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        self._messages = messages

    def compile(self, text: str, gives: Collection[str]) -> Expression:
        """Compile, or return what was compiled before; `gives` are the types it may have.

        Raises ExpressionError for a syntax error, an unknown or mistyped field, or another type.
        """
        if not text.strip():
            raise ExpressionError("is empty")
        if len(text) > MAX_EXPRESSION_CHARACTERS:
            raise ExpressionError(f"is longer than {MAX_EXPRESSION_CHARACTERS} characters")
        try:
            compiled = _environment(tuple(self._messages.items())).compile(text)
        except RuntimeError as error:
            raise ExpressionError(_reason(error)) from None
        given = compiled.return_type().name()
        if given not in gives:
            raise ExpressionError(f"gives {given}, not {' or '.join(gives)}")
        plain = _TEXT_LITERAL.sub("''", text)
        roots = [name for name in self._messages if re.search(rf"\b{name}\b", plain)]
        return Expression(text, compiled, roots)


MIGRATION = Scope(
    {
        "source": Snapshot.DESCRIPTOR.full_name,
        "destination": Snapshot.DESCRIPTOR.full_name,
        "vm": Vm.DESCRIPTOR.full_name,
        "incoming": Vm.DESCRIPTOR.full_name,
        "options": MigrationOptions.DESCRIPTOR.full_name,
    }
)
"""What facts see."""

CONDITION = Scope(
    {
        "findings": f"map<string, {Finding.DESCRIPTOR.full_name}>",
        "verdict": Verdict.DESCRIPTOR.full_name,
    }
)
"""What conditions see: the findings by fact id, and the verdict so far."""


def paths_read(text: str) -> list[str]:
    """Return the field paths that an expression takes values from, those under has() left out.

    CEL gives the default of an unset field, zero, as if it were a value; these are the fields that
    must be set for its result to mean anything.
    """
    plain = _TEXT_LITERAL.sub("''", text)
    guarded = {match[1] for match in _HAS.finditer(plain)}
    paths: dict[str, None] = {}
    for match in _PATH.finditer(_HAS.sub("true", plain)):
        names = match[2].split(".")[1:]
        if match[3]:  # The last name is a method: size(), all(...), startsWith(...).
            names.pop()
        path = ".".join([match[1], *names])
        if names and not any(
            path == each or each.startswith(f"{path}.") or path.startswith(f"{each}.")
            for each in guarded
        ):
            paths[path] = None
    return list(paths)


@cache
def _environment(messages: tuple[tuple[str, str], ...]) -> Any:  # noqa: ANN401 -- CEL's own
    # The interpreter is large; a comparator without expressions never loads it.
    from cel_expr_python import cel  # noqa: PLC0415

    variables = {name: cel.Type(type_name) for name, type_name in messages}
    variables |= dict.fromkeys(ANSWERS, cel.Type.INT)
    return cel.NewEnv(descriptor_pool.Default(), variables=variables, container="vmfit.v1")


def _reason(error: object) -> str:
    """Return the first complaint; CEL adds a status, its place and a drawing of it."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else "failed"
    line = re.sub(r"^[A-Z_]+: (ERROR: <input>:)?", lambda match: "at " if match[1] else "", line)
    return re.sub(r" \[[A-Z_]+\]$", "", line)[:300]
