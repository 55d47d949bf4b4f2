"""Values as evidence shows them to people."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from google.protobuf.message import Message

from vmfit_comparator.evaluation.field_path import FieldPath

_SHOWN_ELEMENTS = 8
_SHOWN_CHARACTERS = 200


def text_of(values: list[Any], path: FieldPath) -> str:
    """Return the values that a path leads to; of more than a few only how many there are."""
    if path.is_list:
        # Counted first: thousands of devices are not looked at one by one.
        count = sum(map(len, values))
        shown = [] if count > _SHOWN_ELEMENTS else list(chain.from_iterable(values))
        return _list_text(shown, count, path.enum_names)
    if len(values) != 1:
        return _list_text(values, len(values), path.enum_names)
    value = values[0]
    return "present" if isinstance(value, Message) else _scalar_text(value, path.enum_names)


def _list_text(values: Sequence[Any], count: int, names: Mapping[int, str]) -> str:
    if count > _SHOWN_ELEMENTS or any(isinstance(each, Message) for each in values):
        return f"{count} {'entry' if count == 1 else 'entries'}"
    return ", ".join(_scalar_text(each, names) for each in values) or "none"


def _scalar_text(value: object, names: Mapping[int, str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = names.get(value, str(value)) if isinstance(value, int) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
