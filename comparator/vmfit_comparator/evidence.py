"""Values as evidence shows them to people."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

from vmfit_comparator.field_path import FieldPath

_SHOWN_ELEMENTS = 8
_SHOWN_CHARACTERS = 200


def text_of(values: list[Any], path: FieldPath) -> str:
    """Return the values that a path leads to; of more than a few only how many there are."""
    if len(values) != 1:
        return f"{len(values)} values" if len(values) > _SHOWN_ELEMENTS else _list_text(values)
    value = values[0]
    if isinstance(value, Message):
        return "present"
    if path.steps and path.steps[-1].repeated:
        return f"{len(value)} entries" if len(value) > _SHOWN_ELEMENTS else _list_text(value)
    return _scalar_text(value)


def _list_text(values: Iterable[Any]) -> str:
    shown = list(values)
    if any(isinstance(each, Message) for each in shown):
        return f"{len(shown)} {'entry' if len(shown) == 1 else 'entries'}"
    return ", ".join(map(_scalar_text, shown)) or "none"


def _scalar_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
