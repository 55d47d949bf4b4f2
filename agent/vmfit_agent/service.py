"""The HostMetadata service: a snapshot source behind gRPC."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import grpc

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    GetSnapshotRequest,
    GetSnapshotResponse,
    ProbeRequest,
    ProbeResponse,
    WatchSnapshotRequest,
    WatchSnapshotResponse,
)
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataServicer
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.parts import PART_NAMES
from vmfit_agent.probes.validation import first_complaint
from vmfit_agent.sources import (
    ProbesExhausted,
    ProbesRefused,
    SnapshotSource,
    SourceUnavailable,
    UnknownDomain,
    UnusableDefinition,
    Watch,
)
from vmfit_contract.errors import abort

MAX_XML_BYTES = 1024 * 1024
MAX_WATCHES = 8
LONGEST_CALL_SECONDS = 60.0

Answer = TypeVar("Answer")


class HostMetadata(HostMetadataServicer):
    """Answers from a snapshot source; every error names the field it is about."""

    def __init__(
        self, source: SnapshotSource, max_watches: int = MAX_WATCHES, *, probes: bool = True
    ) -> None:
        self._source = source
        self._may_probe = probes
        self._max_watches = max_watches
        self._free_watches = threading.BoundedSemaphore(max_watches)

    def GetSnapshot(  # noqa: N802 -- gRPC's name
        self, request: GetSnapshotRequest, context: grpc.ServicerContext
    ) -> GetSnapshotResponse:
        """Return the parts asked for."""
        _check_parts(request.parts, context)
        max_age = None
        if request.HasField("max_age"):
            max_age = request.max_age.ToNanoseconds() / 1e9
            if max_age < 0:
                _refuse(context, "max_age", "must not be negative")
        snapshot = _guarded(
            context,
            lambda: self._source.snapshot(
                request.parts, max_age, request.known_digests, _time_left(context)
            ),
        )
        return GetSnapshotResponse(snapshot=snapshot)

    def WatchSnapshot(  # noqa: N802 -- gRPC's name
        self, request: WatchSnapshotRequest, context: grpc.ServicerContext
    ) -> Iterator[WatchSnapshotResponse]:
        """Send the parts, then what changes, until the caller goes away."""
        _check_parts(request.parts, context)
        if not self._free_watches.acquire(blocking=False):
            abort(
                context,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{self._max_watches} watches are open already, the most that this agent allows",
            )
        try:
            watch = self._source.watch(request.parts, request.known_digests)
            if not context.add_callback(lambda: _cancel(watch)):
                watch.cancel()
            while (snapshot := _guarded(context, lambda: _next(watch))) is not None:
                yield WatchSnapshotResponse(snapshot=snapshot)
        finally:
            self._free_watches.release()
        if context.is_active():
            abort(context, grpc.StatusCode.UNAVAILABLE, "the agent is stopping")

    def DescribeVm(  # noqa: N802 -- gRPC's name
        self, request: DescribeVmRequest, context: grpc.ServicerContext
    ) -> DescribeVmResponse:
        """Describe a domain of this host, or an inline definition."""
        kind = request.WhichOneof("vm")
        if kind is None or not getattr(request, kind):
            _refuse(context, kind or "vm", "name a domain, or give its XML")
        if len(request.xml.encode()) > MAX_XML_BYTES:
            _refuse(context, "xml", f"larger than {MAX_XML_BYTES} bytes")
        return _guarded(
            context, lambda: self._source.describe_vm(request, _time_left(context)), field=kind
        )

    def Probe(  # noqa: N802 -- gRPC's name
        self, request: ProbeRequest, context: grpc.ServicerContext
    ) -> ProbeResponse:
        """Answer the questions side by side, in their order."""
        complaint = first_complaint(request.probes)
        if complaint is not None:
            _refuse(context, *complaint)
        if not self._may_probe:
            why = "the agent's configuration forbids probes (probes = false)"
            abort(context, grpc.StatusCode.FAILED_PRECONDITION, why)
        return _guarded(context, lambda: self._source.probe(request, _time_left(context)))


def _cancel(watch: Watch) -> None:
    watch.cancel()


def _next(watch: Watch) -> Snapshot | None:
    return next(watch, None)


def _guarded(
    context: grpc.ServicerContext, call: Callable[[], Answer], field: str | None = None
) -> Answer:
    """Return what the call returns, or end the RPC with the status for what it raised."""
    try:
        return call()
    except UnknownDomain as error:
        abort(context, grpc.StatusCode.NOT_FOUND, str(error), field)
    except UnusableDefinition as error:
        abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error), field)
    except ProbesRefused as error:
        abort(context, grpc.StatusCode.FAILED_PRECONDITION, str(error))
    except ProbesExhausted as error:
        abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
    except SourceUnavailable as error:
        abort(context, grpc.StatusCode.UNAVAILABLE, str(error))


def _check_parts(parts: Sequence[str], context: grpc.ServicerContext) -> None:
    for index, name in enumerate(parts):
        if name not in PART_NAMES:
            _refuse(context, f"parts[{index}]", f"no part {name[:100]!r}: {', '.join(PART_NAMES)}")


def _refuse(context: grpc.ServicerContext, field: str, why: str) -> None:
    abort(context, grpc.StatusCode.INVALID_ARGUMENT, f"{field}: {why}", field)


def _time_left(context: grpc.ServicerContext) -> float:
    """Return the seconds that a source may take so that the answer still arrives in time."""
    remaining = context.time_remaining()
    # Without a deadline gRPC gives centuries, which the clock calls do not take.
    if remaining is None or remaining > LONGEST_CALL_SECONDS:
        return LONGEST_CALL_SECONDS
    return max(remaining * 0.8, remaining - 0.5, 0.001)
