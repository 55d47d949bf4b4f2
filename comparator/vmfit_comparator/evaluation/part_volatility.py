"""How old each part of a snapshot may get before its fastest-changing field is stale."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from vmfit.v1 import options_pb2
from vmfit.v1.options_pb2 import Volatility
from vmfit.v1.policy_pb2 import Freshness
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.freshness import bounds_of


def fresh_seconds_by_part(freshness: Freshness) -> Mapping[str, float]:
    """Return, for every part, how old it may be for all of its fields to count as fresh."""
    bounds = bounds_of(freshness)
    return {part: bounds[each].fresh_seconds for part, each in PART_VOLATILITY.items()}


def _fastest(descriptor: Any, inherited: int, seen: frozenset[str]) -> int:  # noqa: ANN401 -- two Descriptor types
    if descriptor.full_name in seen:
        return inherited
    seen |= {descriptor.full_name}
    fastest = 0
    for field in descriptor.fields:
        own = field.GetOptions().Extensions[options_pb2.volatility] or inherited
        inner = field.message_type
        ours = inner is not None and inner.file.package == Snapshot.DESCRIPTOR.file.package
        fastest = max(fastest, _fastest(inner, own, seen) if ours else own)
    return fastest or inherited


def _parts() -> dict[str, Volatility.ValueType]:
    parts = {}
    for field in Snapshot.DESCRIPTOR.fields:
        inner = field.message_type
        if inner is None or field.is_repeated or inner.file.package == "google.protobuf":
            continue
        own = field.GetOptions().Extensions[options_pb2.volatility]
        parts[field.name] = Volatility.ValueType(_fastest(inner, own, frozenset()))
    return parts


PART_VOLATILITY: Mapping[str, Volatility.ValueType] = MappingProxyType(_parts())
"""The soonest-changing volatility of any field of each part, in the snapshot's order."""
