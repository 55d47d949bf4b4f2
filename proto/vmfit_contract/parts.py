"""The parts of a snapshot by name."""

from collections.abc import Iterable

from vmfit.v1.snapshot_pb2 import Snapshot

PART_NAMES: tuple[str, ...] = tuple(
    field.name for field in Snapshot.DESCRIPTOR.fields if field.number >= 10
)
"""The field names of Snapshot that are parts, in its order."""


def in_order(names: Iterable[str]) -> list[str]:
    """Return part names in Snapshot's order, each once; all of them for an empty selection."""
    wanted = set(names)
    return [name for name in PART_NAMES if name in wanted or not wanted]
