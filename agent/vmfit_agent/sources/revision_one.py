"""A source's answers as callers know them that understand schema revision 1 only."""

from collections.abc import Collection, Mapping

from vmfit.v1.host_pb2 import LibvirtIdentity
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.sources import SnapshotSource, Watch
from vmfit_contract.parts import in_order
from vmfit_contract.revisions import as_of_revision_1

# Their content differs from one revision to the other, and so do their digests.
_OTHER = frozenset(("identity", "hypervisor"))


class RevisionOne:
    """Tells what libvirt calls the host with the hypervisor part."""

    def __init__(self, source: SnapshotSource) -> None:
        self._source = source

    def snapshot(
        self,
        parts: Collection[str],
        max_age_seconds: float | None,
        known_digests: Mapping[str, str],
        timeout_seconds: float | None = None,
    ) -> Snapshot:
        """Return the parts, as `SnapshotSource.snapshot` does."""
        wanted, known = in_order(parts), _same_in_both(known_digests)
        snapshot = self._source.snapshot(
            _with_names(wanted), max_age_seconds, known, timeout_seconds
        )
        as_of_revision_1(snapshot, list(snapshot.identity.libvirt_identities))
        for status in list(snapshot.parts):
            if status.name not in wanted:
                snapshot.ClearField(status.name)  # type: ignore[arg-type]
                snapshot.parts.remove(status)
            elif status.name in _OTHER and status.digest:
                status.unchanged = known_digests.get(status.name) == status.digest
                if status.unchanged:
                    snapshot.ClearField(status.name)  # type: ignore[arg-type]
        return snapshot

    def watch(self, parts: Collection[str], known_digests: Mapping[str, str]) -> "RevisionOneWatch":
        """Yield the parts, then those that changed."""
        wanted = _with_names(in_order(parts))
        return RevisionOneWatch(self._source.watch(wanted, _same_in_both(known_digests)))


class RevisionOneWatch:
    """What changes in a source."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._names: list[LibvirtIdentity] = []

    def __iter__(self) -> "RevisionOneWatch":
        """Return the watch itself."""
        return self

    def __next__(self) -> Snapshot:
        """Wait for a change and return the parts that changed."""
        snapshot = next(self._watch)
        if snapshot.HasField("identity"):
            self._names = list(snapshot.identity.libvirt_identities)
        as_of_revision_1(snapshot, self._names)
        return snapshot

    def cancel(self) -> None:
        """End the iteration."""
        self._watch.cancel()


def _with_names(wanted: Collection[str]) -> list[str]:
    return in_order({*wanted, "identity"}) if "hypervisor" in wanted else [*wanted]


def _same_in_both(known_digests: Mapping[str, str]) -> dict[str, str]:
    return {name: known for name, known in known_digests.items() if name not in _OTHER}
