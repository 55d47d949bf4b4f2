"""How a snapshot is put together from its parts."""

from collections.abc import Mapping

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent import __version__
from vmfit_agent.collected_part import CollectedPart
from vmfit_agent.host_clock import since_boot_seconds
from vmfit_contract.revisions import OLDEST_READER_REVISION, SCHEMA_REVISION


def assemble(
    parts: Mapping[str, CollectedPart], known_digests: Mapping[str, str] | None = None
) -> Snapshot:
    """Return a snapshot taken now, without the content of parts that the caller knows."""
    snapshot = Snapshot(
        schema_revision=SCHEMA_REVISION,
        oldest_reader_revision=OLDEST_READER_REVISION,
        agent_version=__version__,
    )
    snapshot.taken_at.GetCurrentTime()
    known = known_digests or {}
    for name, part in parts.items():
        status = snapshot.parts.add()
        status.CopyFrom(part.status)
        age = max(since_boot_seconds() - part.since_boot_seconds, 0.0)
        status.age.FromNanoseconds(round(age * 1e9))
        if part.message is None:
            continue
        if known.get(name) == part.status.digest:
            status.unchanged = True
        else:
            getattr(snapshot, name).CopyFrom(part.message)
    return snapshot
