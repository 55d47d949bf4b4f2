"""The parts of a snapshot: their names, and how a snapshot is put together from them."""

from collections.abc import Iterable, Mapping

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent import __version__
from vmfit_agent.collected_part import CollectedPart
from vmfit_contract.snapshot_file import SCHEMA_REVISION

PART_NAMES: tuple[str, ...] = tuple(
    field.name for field in Snapshot.DESCRIPTOR.fields if field.number >= 10
)
"""The field names of Snapshot that are parts, in its order."""


def assemble(
    parts: Mapping[str, CollectedPart], known_digests: Mapping[str, str] | None = None
) -> Snapshot:
    """Return a snapshot taken now, without the content of parts that the caller knows."""
    snapshot = Snapshot(schema_revision=SCHEMA_REVISION, agent_version=__version__)
    snapshot.taken_at.GetCurrentTime()
    known = known_digests or {}
    for name, part in parts.items():
        status = snapshot.parts.add()
        status.CopyFrom(part.status)
        if part.message is None:
            continue
        if known.get(name) == part.status.digest:
            status.unchanged = True
        else:
            getattr(snapshot, name).CopyFrom(part.message)
    return snapshot


def in_order(names: Iterable[str]) -> list[str]:
    """Return part names in Snapshot's order, each once; all of them for an empty selection."""
    wanted = set(names)
    return [name for name in PART_NAMES if name in wanted or not wanted]
