"""A recorded snapshot, served as if the host were there."""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from weakref import WeakSet

from google.protobuf.timestamp_pb2 import Timestamp

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    ProbeRequest,
    ProbeResponse,
)
from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_agent.assembly import assemble
from vmfit_agent.collected_part import CollectedPart
from vmfit_agent.host_clock import since_boot_seconds
from vmfit_agent.part_state import PartState
from vmfit_agent.sources import ProbesRefused, UnknownDomain
from vmfit_contract.access import Caller
from vmfit_contract.part_age import part_age_seconds
from vmfit_contract.part_digest import digest
from vmfit_contract.parts import PART_NAMES, in_order
from vmfit_contract.snapshot_file import read_snapshot

DescribeXml = Callable[[str], DescribeVmResponse]


class Replay:
    """Answers from a recording; nothing in it ever changes, and so it ages."""

    def __init__(self, recording: Snapshot, describe_xml: DescribeXml) -> None:
        self._describe_xml = describe_xml
        self._agent_version = recording.agent_version
        self._schema_revision = recording.schema_revision
        self._oldest_reader_revision = recording.oldest_reader_revision
        self._recorded_at = (
            recording.recorded_at if recording.HasField("recorded_at") else recording.taken_at
        )
        self._vms = list(recording.domains.vms)
        self._parts = _shifted(recording)
        self._watches: WeakSet[ReplayWatch] = WeakSet()

    @classmethod
    def from_file(cls, path: Path, describe_xml: DescribeXml) -> "Replay":
        """Read the recording; raises SnapshotFileError."""
        return cls(read_snapshot(path), describe_xml)

    def snapshot(
        self,
        parts: Collection[str],
        max_age_seconds: float | None,  # noqa: ARG002 -- the recording is all there is
        known_digests: Mapping[str, str],
        timeout_seconds: float | None = None,  # noqa: ARG002 -- it does not wait
    ) -> Snapshot:
        """Return the recorded parts, however old they are."""
        names = in_order(parts)
        snapshot = assemble({name: self._parts[name] for name in names}, known_digests)
        snapshot.recorded_at.CopyFrom(self._recorded_at)
        snapshot.agent_version = self._agent_version
        snapshot.schema_revision = self._schema_revision
        snapshot.oldest_reader_revision = self._oldest_reader_revision
        return snapshot

    def watch(self, parts: Collection[str], known_digests: Mapping[str, str]) -> "ReplayWatch":
        """Yield the parts once, then wait for the end."""
        watch = ReplayWatch(self.snapshot(parts, None, known_digests))
        self._watches.add(watch)
        return watch

    def describe_vm(
        self,
        request: DescribeVmRequest,
        timeout_seconds: float | None,  # noqa: ARG002 -- it does not wait
        caller: Caller,  # noqa: ARG002 -- all see the same recording
    ) -> DescribeVmResponse:
        """Return a recorded domain, or an inline definition without what the host would add."""
        kind = request.WhichOneof("vm")
        if kind == "xml":
            return self._describe_xml(request.xml)
        for matches in (_has_name, _has_uuid):
            for vm in self._vms:
                elsewhere = request.connection_uri not in ("", vm.connection_uri)
                if not elsewhere and matches(vm, request, kind):
                    return DescribeVmResponse(vm=vm)
        wanted = request.name or request.uuid or request.name_or_uuid
        why = self._parts["domains"].status.error
        raise UnknownDomain(
            f"the recording has no domain {wanted!r}" + (f": its domains: {why}" if why else "")
        )

    def probe(
        self,
        request: ProbeRequest,  # noqa: ARG002 -- there is no host to ask
        timeout_seconds: float,  # noqa: ARG002 -- it does not wait
        caller: Caller,  # noqa: ARG002 -- nobody may
    ) -> ProbeResponse:
        """Raise ProbesRefused."""
        raise ProbesRefused("the agent replays a recording: nothing can be asked of the host")

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report that the source answers: it always does."""
        report(True)  # noqa: FBT003 -- the report's only argument

    def part_states(
        self,
        max_age_seconds: float | None,  # noqa: ARG002 -- the recording is all there is
        timeout_seconds: float,  # noqa: ARG002 -- it does not wait
    ) -> dict[str, PartState]:
        """Return how the recorded parts fare."""
        return {name: part.state() for name, part in self._parts.items()}

    def close(self) -> None:
        """End the watches."""
        for watch in list(self._watches):
            watch.cancel()


class ReplayWatch:
    """One snapshot, and then nothing until the watch is cancelled."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._unsent: list[Snapshot] = [snapshot]
        self._cancelled = threading.Event()

    def __iter__(self) -> "ReplayWatch":
        """Return the watch itself."""
        return self

    def __next__(self) -> Snapshot:
        """Return the snapshot the first time."""
        if self._unsent:
            return self._unsent.pop()
        self._cancelled.wait()
        raise StopIteration

    def cancel(self) -> None:
        """End the iteration."""
        self._cancelled.set()


def _has_name(vm: Vm, request: DescribeVmRequest, kind: str | None) -> bool:
    return kind in ("name", "name_or_uuid") and vm.name == (request.name or request.name_or_uuid)


def _has_uuid(vm: Vm, request: DescribeVmRequest, kind: str | None) -> bool:
    wanted = (request.uuid or request.name_or_uuid).lower()
    return kind in ("uuid", "name_or_uuid") and bool(wanted) and vm.uuid == wanted


def _shifted(recording: Snapshot) -> dict[str, CollectedPart]:
    """Return all parts, with their times moved so that the newest was collected just now."""
    statuses = {status.name: status for status in recording.parts}
    ages = {
        status.name: part_age_seconds(status, recording.taken_at) or 0.0
        for status in recording.parts
    }
    youngest = min((ages[each.name] for each in recording.parts if each.digest), default=0.0)
    collected = [status.collected_at for status in recording.parts if status.digest]
    newest = max((time.ToNanoseconds() for time in collected), default=0)
    newest = newest or recording.taken_at.ToNanoseconds()
    now = Timestamp()
    now.GetCurrentTime()
    offset = now.ToNanoseconds() - newest
    started, since_boot = time.monotonic(), since_boot_seconds()
    parts = {}
    for name in PART_NAMES:
        status = PartStatus(name=name)
        status.CopyFrom(statuses.get(name, PartStatus(name=name, error="not in the recording")))
        status.unchanged = False
        if status.HasField("collected_at"):
            _shift(status.collected_at, offset)
        message = getattr(recording, name) if recording.HasField(name) else None  # type: ignore[arg-type]
        if name == "clock" and message is not None and message.HasField("wall_clock"):
            _shift(message.wall_clock, offset)
        status.digest = digest(message) if message is not None else ""
        if message is not None:
            status.error = ""
        elif not status.error:
            status.error = "not in the recording"
        older = max(ages.get(name, 0.0) - youngest, 0.0)
        parts[name] = CollectedPart(message, status, started, since_boot - older)
    return parts


def _shift(time: Timestamp, nanoseconds: int) -> None:
    time.FromNanoseconds(time.ToNanoseconds() + nanoseconds)
