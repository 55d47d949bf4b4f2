"""Texts of the contract's messages, each with what its annotation says that it gives away."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from vmfit.v1 import options_pb2
from vmfit.v1.options_pb2 import Sensitivity

Replace = Callable[[FieldDescriptor, Sensitivity.ValueType, str], str]
"""Given a field, what it gives away and a text of it, return the text to take its place."""


def sensitivity_of(field: FieldDescriptor) -> Sensitivity.ValueType:
    """Return what a field's annotation says that its texts give away."""
    return field.GetOptions().Extensions[options_pb2.sensitivity]


def texts_of(message: Message) -> Iterator[tuple[FieldDescriptor, Sensitivity.ValueType, str]]:
    """Yield every text that is set in a message and in those within it, also within JSON."""
    found: list[tuple[FieldDescriptor, Sensitivity.ValueType, str]] = []

    def note(field: FieldDescriptor, sensitivity: Sensitivity.ValueType, text: str) -> str:
        found.append((field, sensitivity, text))
        return text

    replace_texts(message, note)
    yield from found


def replace_texts(message: Message, replace: Replace) -> None:
    """Replace every text that is set in a message and in those within it.

    Lists that were in ascending order are so again: of texts, but for the first if that led them,
    and of elements by the fields that identify them.
    """
    for field, value in message.ListFields():
        inner = field.message_type
        if inner is None:
            if field.type == field.TYPE_STRING:
                _replace_scalar(message, field, value, replace)
        elif inner.GetOptions().map_entry:
            _replace_map(field, value, replace)
        elif inner.full_name.startswith("google.protobuf."):
            continue
        elif field.is_repeated:
            _replace_elements(field, value, replace)
        else:
            replace_texts(value, replace)


def _replace_scalar(message: Message, field: FieldDescriptor, value: Any, replace: Replace) -> None:  # noqa: ANN401
    sensitivity = sensitivity_of(field)
    if not field.is_repeated:
        setattr(message, field.name, replace(field, sensitivity, value))
        return
    texts = [replace(field, sensitivity, text) for text in value]
    if not field.GetOptions().Extensions[options_pb2.ordered]:
        kept = 0 if _is_ascending(value) else 1
        if _is_ascending(value[kept:]):
            texts[kept:] = sorted(texts[kept:])
    value[:] = texts


def _replace_elements(field: FieldDescriptor, elements: Any, replace: Replace) -> None:  # noqa: ANN401
    key = field.GetOptions().Extensions[options_pb2.key]
    names = key.split(",") if key and "|" not in key else []
    was_ascending = names and _is_ascending([_key(each, names) for each in elements])
    for element in elements:
        replace_texts(element, replace)
    if was_ascending:
        elements.sort(key=lambda element: _key(element, names))


def _key(element: Message, names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(getattr(element, name) for name in names)


def _is_ascending(values: Any) -> bool:  # noqa: ANN401 -- a list of whatever can be compared
    return all(values[index] <= values[index + 1] for index in range(len(values) - 1))


def _replace_map(field: FieldDescriptor, entries: Any, replace: Replace) -> None:  # noqa: ANN401
    sensitivity = sensitivity_of(field)
    assert field.message_type is not None
    values = field.message_type.fields_by_name["value"]
    if values.type == values.TYPE_STRING:
        for key in list(entries):
            entries[key] = replace(field, sensitivity, entries[key])
    elif values.message_type is not None and values.message_type.full_name == _STRUCT:
        # Whoever chose the names may have named a machine.
        structs = {key: _replaced_struct(entries[key], field, replace) for key in list(entries)}
        entries.clear()
        for key, struct in structs.items():
            entries[replace(field, sensitivity, key)].CopyFrom(struct)


_STRUCT = "google.protobuf.Struct"


def _replaced_struct(struct: Any, field: FieldDescriptor, replace: Replace) -> Any:  # noqa: ANN401
    changed = type(struct)()
    sensitivity = sensitivity_of(field)
    for key, value in struct.fields.items():
        changed.fields[replace(field, sensitivity, key)].CopyFrom(
            _replaced_value(value, field, replace)
        )
    return changed


def _replaced_value(value: Any, field: FieldDescriptor, replace: Replace) -> Any:  # noqa: ANN401
    changed = type(value)()
    changed.CopyFrom(value)
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        changed.string_value = replace(field, sensitivity_of(field), value.string_value)
    elif kind == "struct_value":
        changed.struct_value.CopyFrom(_replaced_struct(value.struct_value, field, replace))
    elif kind == "list_value":
        del changed.list_value.values[:]
        changed.list_value.values.extend(
            _replaced_value(each, field, replace) for each in value.list_value.values
        )
    return changed
