"""Messages as canonical protobuf JSON, laid out such that it diffs line by line."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from json.encoder import encode_basestring
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message


def _string(text: str) -> str:
    """Return a JSON string in which what a terminal would obey, not show, is escaped."""
    quoted = encode_basestring(text)
    if quoted.isprintable():
        return quoted
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in quoted)


# Python's own encoder is as fast only without line breaks.
_SCALARS: Mapping[type, Callable[[Any], str]] = {
    str: _string,
    int: str,
    bool: json.dumps,
    float: json.dumps,
    type(None): json.dumps,
}
# Field by field: the name, its text, and the Descriptor of a message in it.
_Fields = list[tuple[str, str, Any]]


def to_json(message: Message) -> str:
    """Return canonical protobuf JSON in a stable form that diffs line by line.

    Names are in camelCase, fields in the schema's order, maps sorted by key; fields that cannot be
    absent are always there, optional ones only when set. Ends with a line break.
    """
    tree = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return _text(tree, message.DESCRIPTOR, "\n") + "\n"


def _text(value: Any, descriptor: Any, margin: str) -> str:  # noqa: ANN401 -- JSON; a Descriptor
    """Return the text of one value; lines after the first begin with the margin.

    The descriptor is of the message that is the value, or its items are; None is of anything else.
    """
    scalar = _SCALARS.get(type(value))
    if scalar is not None:
        return scalar(value)
    deeper = margin + "  "
    if isinstance(value, list):
        items = [_text(each, descriptor, deeper) for each in value]
        return f"[{deeper}{f',{deeper}'.join(items)}{margin}]" if items else "[]"
    fields, of_values = _shape(descriptor) if descriptor is not None else (None, None)
    if fields is None:
        items = [f"{_string(key)}: {_text(value[key], of_values, deeper)}" for key in sorted(value)]
    else:
        items = [
            key + _text(value[name], inner, deeper) for name, key, inner in fields if name in value
        ]
    return f"{{{deeper}{f',{deeper}'.join(items)}{margin}}}" if items else "{}"


@cache
def _shape(descriptor: Any) -> tuple[_Fields | None, Any]:  # noqa: ANN401 -- two types
    """Return the fields of a message in the schema's order, or of a map what its values are."""
    if descriptor.file.package == "google.protobuf":  # Struct is a map; the others are scalars.
        return None, None
    if descriptor.GetOptions().map_entry:
        return None, descriptor.fields_by_name["value"].message_type
    fields = sorted(descriptor.fields, key=lambda field: field.number)
    return [
        (field.json_name, f"{encode_basestring(field.json_name)}: ", field.message_type)
        for field in fields
    ], None
