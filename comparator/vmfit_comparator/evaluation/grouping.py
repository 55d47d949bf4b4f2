"""Which hosts of a fleet are alike for a fact: what of their values its answer depends on.

Unless a fact says more, hosts are alike where all values that it reads are equal.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.field_path import FieldPath, field_path

Seen = Mapping[str, Callable[[list[Any]], Hashable]]


class Measure(Enum):
    """What a case tells of a destination beside its snapshot, as a number."""

    AGE = auto()
    """`ages.destination_seconds`, and whether there is `ages.destination_error`."""
    CLOCK = auto()
    """How far `clock` is apart for certain, and whether that is known."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """What counts of values of the destination that differ from host to host."""

    seen_as: Seen = field(default_factory=lambda: MappingProxyType({}), hash=False, compare=False)
    """By path, a function of the values that the path leads to: where it gives the same, the
    answer is the same."""
    names: tuple[str, ...] = ()
    """Paths to names and addresses. They count by what they are (empty, local, an address), by
    which of them are equal, and by which texts and networks of the case beside them they match."""
    number: Callable[[Snapshot], float] | None = None
    """What `numbers` amount to: among hosts that are alike otherwise, the answer goes one way as it
    grows."""
    numbers: tuple[str, ...] = ()
    """Paths that count by `number` alone."""
    measure: Measure | None = None
    """What the answer goes one way with, of what is no part of a snapshot."""

    @property
    def replaced(self) -> frozenset[FieldPath]:
        """The paths whose values as such do not count."""
        return frozenset(map(field_path, (*self.seen_as, *self.names, *self.numbers)))


EXACT = Grouping()
"""By the values as they are."""


def label(_: list[Any]) -> Hashable:
    """Take all values for alike: the answer has them in its words alone."""
    return None
