"""Values as evidence shows them to people."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from google.protobuf.message import Message

from vmfit_comparator.evaluation.field_path import FieldPath

_SHOWN_ELEMENTS = 8
_SHOWN_CHARACTERS = 200


def text_of(values: list[Any], path: FieldPath) -> str:
    """Return the values that a path leads to; of more than a few only how many there are."""
    if not path.is_list and len(values) == 1:
        return "present" if path.is_message else _scalar_text(values[0], path.enum_names)
    # Counted first: thousands of devices are not looked at one by one.
    count = sum(map(len, values)) if path.is_list else len(values)
    if not count:
        return "none"
    if count > _SHOWN_ELEMENTS or path.is_message:
        return f"{count} {'entry' if count == 1 else 'entries'}"
    shown = chain.from_iterable(map(_elements, values)) if path.is_list else values
    return ", ".join(_scalar_text(each, path.enum_names) for each in shown)


def _elements(values: Iterable[Any]) -> Iterable[Any]:
    if not isinstance(values, Mapping):
        return values
    # Maps come in an order that differs from process to process.
    return sorted(
        key if isinstance(values[key], Message) else f"{key}={values[key]}" for key in values
    )


def _scalar_text(value: object, names: Mapping[int, str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = names.get(value, str(value)) if isinstance(value, int) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
