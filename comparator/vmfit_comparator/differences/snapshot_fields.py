"""The snapshot's fields with their options resolved: what diff and the docs are driven by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from vmfit.v1 import options_pb2
from vmfit.v1.options_pb2 import Unit, Volatility
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.enum_names import names_of_values

_OWN_PACKAGE = "vmfit.v1."
# Messages that contain themselves are followed this deep: nothing on a host nests deeper.
_MAX_DEPTH = 12

Alternatives = tuple[tuple[str, ...], ...]
"""A list's key: alternatives in order of strength, each of one or several fields together."""


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field with what its options, and those above it, say."""

    name: str
    unit: Unit.ValueType
    volatility: Volatility.ValueType
    """Inherited from above when the field itself sets none."""
    least_volatility: Volatility.ValueType
    """Of the field and of everything below it."""
    is_list: bool
    is_map: bool
    is_message: bool
    tracks_presence: bool
    ordered: bool
    raw: str
    """For registers: the field that says what they mean; inherited from above. Else empty."""
    alternatives: Alternatives
    enum_names: Mapping[int, str]
    """The names of an enum's values for people; empty for other fields."""
    fields: tuple["FieldPlan", ...]
    """The fields of a message of the contract; empty for scalars and for foreign messages."""
    value: "FieldPlan | None"
    """The values of a map."""


def plan_of(
    field: FieldDescriptor,
    inherited: Volatility.ValueType = Volatility.VOLATILITY_UNSPECIFIED,
    depth: int = 0,
    raw: str = "",
) -> FieldPlan:
    """Resolve a field's options and those of everything below it."""
    extensions = field.GetOptions().Extensions
    volatility = extensions[options_pb2.volatility] or inherited
    raw = extensions[options_pb2.raw] or raw
    message = field.message_type
    value = None
    below: tuple[FieldPlan, ...] = ()
    is_map = message is not None and message.GetOptions().map_entry
    if message is not None and is_map:
        value = plan_of(message.fields_by_name["value"], volatility, depth + 1, raw)
    elif message is not None and depth < _MAX_DEPTH:
        below = _plans(message, volatility, depth, raw)
    least = min((volatility, *(each.least_volatility for each in below)))
    return FieldPlan(
        name=field.name,
        unit=extensions[options_pb2.unit],
        volatility=volatility,
        least_volatility=least,
        is_list=field.is_repeated and not is_map,
        is_map=is_map,
        is_message=message is not None and not is_map,
        tracks_presence=not field.is_repeated and field.has_presence,
        ordered=extensions[options_pb2.ordered],
        raw=raw,
        alternatives=key_alternatives(extensions[options_pb2.key]),
        enum_names=names_of_values(field.enum_type),
        fields=below,
        value=value,
    )


def key_alternatives(key: str) -> Alternatives:
    """Split a list's key: "|" between alternatives, "," between fields that count together."""
    return tuple(tuple(each.split(",")) for each in key.split("|")) if key else ()


def _plans(
    message: Descriptor, volatility: Volatility.ValueType, depth: int, raw: str
) -> tuple[FieldPlan, ...]:
    if not message.full_name.startswith(_OWN_PACKAGE):
        return ()
    return _own_plans(message, volatility, depth, raw)


@cache
def _own_plans(
    message: Descriptor, volatility: Volatility.ValueType, depth: int, raw: str
) -> tuple[FieldPlan, ...]:
    return tuple(plan_of(field, volatility, depth + 1, raw) for field in message.fields)


def _parts() -> Mapping[str, FieldPlan]:
    return MappingProxyType(
        {
            field.name: plan_of(field)
            for field in Snapshot.DESCRIPTOR.fields
            if field.message_type is not None
            and not field.is_repeated
            and field.message_type.full_name.startswith(_OWN_PACKAGE)
        }
    )


PARTS: Mapping[str, FieldPlan] = _parts()
"""The snapshot's parts in the schema's order."""
