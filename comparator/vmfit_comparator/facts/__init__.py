"""The catalogue: every built-in fact, area by area."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from vmfit_comparator.fact import Fact
from vmfit_comparator.facts import (
    storage,
    storage_copy,
    storage_identity,
    storage_iscsi,
    storage_sharing,
    storage_space,
    time,
)

MODULES = (
    storage_identity,
    storage,
    storage_sharing,
    storage_iscsi,
    storage_copy,
    storage_space,
    time,
)


def catalogue(facts: Iterable[Fact]) -> Mapping[str, Fact]:
    """Return the facts by id, in the order given; ValueError for a repeated id."""
    by_id: dict[str, Fact] = {}
    for each in facts:
        if each.id in by_id:
            raise ValueError(f"fact {each.id} is declared twice")
        by_id[each.id] = each
    return MappingProxyType(by_id)


BUILT_IN: Mapping[str, Fact] = catalogue(each for module in MODULES for each in module.FACTS)
