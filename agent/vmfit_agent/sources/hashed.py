"""A source whose answers have keyed hashes where another's have serial numbers and MACs."""

import threading
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from google.protobuf.message import Message

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    ProbeRequest,
    ProbeResponse,
)
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.part_state import PartState
from vmfit_agent.sources import SnapshotSource, Watch
from vmfit_contract.access import Caller, Role
from vmfit_contract.masking.identifier_hashes import IdentifierHashes
from vmfit_contract.masking.messages import replace_texts
from vmfit_contract.part_digest import digest


class _Part(NamedTuple):
    """A part as it is told."""

    plain_digest: str
    message: Message
    digest: str


class Hashed(SnapshotSource):
    """Tells what another source tells, without what identifies."""

    def __init__(self, source: SnapshotSource, hashes: IdentifierHashes) -> None:
        self._source = source
        self._hashes = hashes
        self._parts: dict[str, _Part] = {}
        self._lock = threading.Lock()

    def snapshot(
        self,
        parts: Collection[str],
        max_age_seconds: float | None,
        known_digests: Mapping[str, str],
        timeout_seconds: float | None = None,
    ) -> Snapshot:
        """Return the parts; a part that has not changed is hashed once."""
        kept = dict(self._parts)
        known = {name: part.plain_digest for name, part in kept.items()}
        snapshot = self._source.snapshot(parts, max_age_seconds, known, timeout_seconds)
        return self.told(snapshot, kept, known_digests)

    def told(
        self, snapshot: Snapshot, kept: Mapping[str, _Part], known_digests: Mapping[str, str]
    ) -> Snapshot:
        """Return the snapshot as it is told; its unchanged parts are among those kept."""
        snapshot.identifier_key = self._hashes.key_name
        with self._lock:
            for status in snapshot.parts:
                name = status.name
                if status.error or status.warnings:
                    self._hashes.hide(status)
                if not status.unchanged and not snapshot.HasField(name):  # type: ignore[arg-type]
                    continue
                part = kept[name] if status.unchanged else self._hash(snapshot, name, status.digest)
                status.digest = part.digest
                status.unchanged = known_digests.get(name) == part.digest
                if status.unchanged:
                    snapshot.ClearField(name)  # type: ignore[arg-type]
                else:
                    getattr(snapshot, name).CopyFrom(part.message)
        return snapshot

    def _hash(self, snapshot: Snapshot, name: str, plain_digest: str) -> _Part:
        plain: Message = getattr(snapshot, name)
        message = type(plain)()
        message.CopyFrom(plain)
        self._hashes.hide(message)
        part = self._parts[name] = _Part(plain_digest, message, digest(message))
        return part

    def watch(self, parts: Collection[str], known_digests: Mapping[str, str]) -> "HashedWatch":
        """Yield the parts, then those that changed."""
        return HashedWatch(self, self._source.watch(parts, {}), known_digests)

    def describe_vm(
        self, request: DescribeVmRequest, timeout_seconds: float | None, caller: Caller
    ) -> DescribeVmResponse:
        """Describe a domain; its XML, which the destination has to be asked with, stays plain.

        It is for callers that may ask questions.
        """
        response = self._source.describe_vm(request, timeout_seconds, caller)
        with self._lock:
            self._hashes.hide(response.vm)
        if not caller.may(Role.PROBE):
            response.ClearField("xml")
            response.ClearField("persistent_xml")
        return response

    def probe(self, request: ProbeRequest, timeout_seconds: float, caller: Caller) -> ProbeResponse:
        """Answer questions, also about devices by the names that they are told by."""
        devices = self._source.snapshot(("block_devices",), None, {}).block_devices.devices
        with self._lock:
            paths = self._hashes.paths(path for device in devices for path in device.paths)
            replace_texts(request, lambda _, __, text: paths.get(text, text))
        response = self._source.probe(request, timeout_seconds, caller)
        with self._lock:
            self._hashes.hide(response)
        return response

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report whether the source answers."""
        self._source.follow_availability(report)

    def part_states(
        self, max_age_seconds: float | None, timeout_seconds: float
    ) -> Mapping[str, PartState]:
        """Return how each part fares, in numbers."""
        return self._source.part_states(max_age_seconds, timeout_seconds)

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class HashedWatch:
    """What changes in a source, as it is told."""

    def __init__(self, source: Hashed, watch: Watch, known_digests: Mapping[str, str]) -> None:
        self._source = source
        self._watch = watch
        self._known = known_digests

    def __iter__(self) -> "HashedWatch":
        """Return the watch itself."""
        return self

    def __next__(self) -> Snapshot:
        """Wait for a change and return the parts that changed."""
        known, self._known = self._known, {}
        return self._source.told(next(self._watch), {}, known)

    def cancel(self) -> None:
        """End the iteration."""
        self._watch.cancel()
