"""The expressions of one policy over one scope: compiled together, evaluated together."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message

from vmfit_comparator.policies.cel.errors import ExpressionError, InterpreterUnavailableError
from vmfit_comparator.policies.cel.interpreter import Interpreter
from vmfit_comparator.policies.cel.process import Given
from vmfit_comparator.policies.cel.scope import Scope
from vmfit_comparator.policies.cel.texts import check_text, fields_named
from vmfit_comparator.policies.policy_error import PolicyError


class Written(NamedTuple):
    """An expression as a policy has it."""

    field: str
    """Where the policy has it, such as "user_facts[0].expression"."""
    text: str
    gives: Collection[str]
    """The types that it may have, such as "BOOL"."""


class Expressions:
    """Compiled expressions."""

    def __init__(
        self, scope: Scope, written: Sequence[Written], interpreter: Interpreter | None
    ) -> None:
        """Compile them; only where there are any is an interpreter needed.

        Raises PolicyError for the first that has a syntax error, names what does not exist, gives
        what it must not, or takes too much; and when nothing can be compiled now.
        """
        for each in written:
            try:
                check_text(each.text)
            except ExpressionError as error:
                raise PolicyError(each.field, str(error)) from None
        self._scope = scope
        self._texts = tuple(dict.fromkeys(each.text for each in written))
        self._named = fields_named(self._texts, scope)
        self._interpreter = interpreter
        if interpreter is None or not written:
            return
        types = interpreter.compile(scope, [each.text for each in written])
        for each, given in zip(written, types, strict=True):
            if isinstance(given, ExpressionError):
                away = isinstance(given, InterpreterUnavailableError)
                raise PolicyError(each.field, str(given), is_passing=away)
            if given not in each.gives:
                wanted = " or ".join(each.gives)
                raise PolicyError(each.field, f"gives {given}, not {wanted}")

    def evaluate(self, values: Mapping[str, Message | Sequence[Message]]) -> Mapping[str, Given]:
        """Return what each gives, by its text, or why it gives nothing."""
        if self._interpreter is None or not self._texts:
            return {}
        sent: list[tuple[str, Message]] = []
        for variable, fields in self._named.items():
            value = values[variable]
            if isinstance(value, Message):
                sent.append((variable, value if fields is None else _with_only(value, fields)))
            else:
                sent.extend((variable, each) for each in value)
        results = self._interpreter.evaluate(self._scope, self._texts, sent)
        return dict(zip(self._texts, results, strict=True))


def _with_only(message: Message, names: Collection[str]) -> Message:
    """Return a copy that has these of the fields; a snapshot's other parts need not travel."""
    copy = type(message)()
    for field, value in message.ListFields():
        if field.name not in names:
            continue
        own: Any = getattr(copy, field.name)
        if field.is_repeated:
            own.MergeFrom(value)
        elif field.message_type is not None:
            own.CopyFrom(value)
        else:
            setattr(copy, field.name, value)
    return copy
