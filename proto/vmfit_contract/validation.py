"""Values that a message may hold and that mean nothing: times out of range, numbers that are none.

Only what leads to such a field is looked at, so that a snapshot of a megabyte takes a millisecond.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

# From the year 1 to 9999, and 10,000 years: the bounds of google/protobuf/timestamp.proto and
# duration.proto, beyond which nothing converts them.
_FIRST_SECOND = -62_135_596_800
_LAST_SECOND = 253_402_300_799
_MOST_SECONDS = 315_576_000_000
_NANOSECONDS = 1_000_000_000

_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


class Complaint(NamedTuple):
    """What is wrong with a value."""

    field: str
    """Its path, such as "source.snapshot.parts[3].collected_at"."""
    reason: str


def first_complaint(message: Message) -> Complaint | None:
    """Return what is wrong with the first value that means nothing; None when all mean something.

    A Timestamp or Duration out of range, a number that is not finite.
    """
    return next(_complaints(message, ""), None)


def _complaints(message: Any, where: str) -> Iterator[Complaint]:  # noqa: ANN401 -- any message
    for field in _plan(message.DESCRIPTOR):
        if field.is_map:
            values: Mapping[Any, Any] = getattr(message, field.name)
            for key in values:
                yield from field.look(values[key], f"{where}{field.name}[{str(key)[:100]!a}]")
        elif field.is_list:
            for index, each in enumerate(getattr(message, field.name)):
                yield from field.look(each, f"{where}{field.name}[{index}]")
        elif not field.has_presence or message.HasField(field.name):
            yield from field.look(getattr(message, field.name), f"{where}{field.name}")


class _Field(NamedTuple):
    """A field that is a time or a number, or in which there may be one."""

    name: str
    is_list: bool
    is_map: bool
    has_presence: bool
    look: Callable[[Any, str], Iterator[Complaint]]


@cache
def _plan(descriptor: Descriptor) -> tuple[_Field, ...]:
    fields = []
    for field in descriptor.fields:
        inner = field.message_type
        is_map = False
        held = field
        if inner is not None and inner.GetOptions().map_entry:
            is_map, held = True, inner.fields_by_name["value"]
        look = _look_of(held)
        if look is not None:
            is_list = field.is_repeated and not is_map
            fields.append(_Field(field.name, is_list, is_map, field.has_presence, look))
    return tuple(fields)


def _look_of(field: FieldDescriptor) -> Callable[[Any, str], Iterator[Complaint]] | None:
    inner = field.message_type
    if inner is None:
        return _number if field.cpp_type in _FLOATS else None
    if inner.full_name == "google.protobuf.Timestamp":
        return _timestamp
    if inner.full_name == "google.protobuf.Duration":
        return _duration
    return _below if _leads_to_one(inner, ()) else None


def _leads_to_one(descriptor: Descriptor, above: tuple[Descriptor, ...]) -> bool:
    if descriptor in above:
        return False
    for field in descriptor.fields:
        inner = field.message_type
        if inner is None:
            if field.cpp_type in _FLOATS:
                return True
        elif inner.file.package == "google.protobuf" or _leads_to_one(inner, (*above, descriptor)):
            return True
    return False


def _below(message: Any, where: str) -> Iterator[Complaint]:  # noqa: ANN401 -- any message
    return _complaints(message, f"{where}.")


def _number(value: float, where: str) -> Iterator[Complaint]:
    if not math.isfinite(value):
        yield Complaint(where, f"{value} is not a number that can be used")


def _timestamp(value: Any, where: str) -> Iterator[Complaint]:  # noqa: ANN401 -- a Timestamp
    if not (_FIRST_SECOND <= value.seconds <= _LAST_SECOND and 0 <= value.nanos < _NANOSECONDS):
        yield Complaint(where, f"no time: {value.seconds} seconds and {value.nanos} nanoseconds")


def _duration(value: Any, where: str) -> Iterator[Complaint]:  # noqa: ANN401 -- a Duration
    in_range = abs(value.seconds) <= _MOST_SECONDS and abs(value.nanos) < _NANOSECONDS
    if not in_range or value.seconds * value.nanos < 0:
        yield Complaint(where, f"no time span: {value.seconds} seconds, {value.nanos} nanoseconds")
