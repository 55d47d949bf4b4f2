"""Snapshots from the collecting process, over its socket."""

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    GetSnapshotRequest,
    ProbeRequest,
    ProbeResponse,
    WatchSnapshotRequest,
    WatchSnapshotResponse,
)
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.sources import (
    ProbesExhausted,
    ProbesRefused,
    SourceUnavailable,
    UnknownDomain,
    UnusableDefinition,
)
from vmfit_contract.address import Address
from vmfit_contract.channel import MAX_MESSAGE_BYTES

DEFAULT_SECONDS = 30.0
"""How long the collecting process may take when the caller sets no deadline."""
HEALTH_SECONDS = 20.0
"""How often its health is asked: each question wakes gRPC's threads for many seconds to come."""
HEALTH_ANSWER_SECONDS = 5.0
RETRY_SECONDS = 1.0
"""How often while it is down."""
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A restarted process on the same machine is there again within moments, and trying is cheap.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class UnixSocket:
    """A client of the collecting process; comes back by itself when that does."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._channel = grpc.insecure_channel(address.target, options=_OPTIONS)
        self._stub = HostMetadataStub(self._channel)
        self._closed = threading.Event()

    def snapshot(
        self,
        parts: Collection[str],
        max_age_seconds: float | None,
        known_digests: Mapping[str, str],
        timeout_seconds: float | None = None,
    ) -> Snapshot:
        """Return what the collecting process returns."""
        request = GetSnapshotRequest(parts=parts, known_digests=known_digests)
        if max_age_seconds is not None:
            request.max_age.CopyFrom(_duration(max_age_seconds))
        try:
            return self._stub.GetSnapshot(
                request, timeout=timeout_seconds or DEFAULT_SECONDS
            ).snapshot
        except grpc.RpcError as error:
            self._fail(error)

    def watch(self, parts: Collection[str], known_digests: Mapping[str, str]) -> "UnixSocketWatch":
        """Yield what the collecting process yields; SourceUnavailable when it goes away."""
        request = WatchSnapshotRequest(parts=parts, known_digests=known_digests)
        return UnixSocketWatch(self._stub.WatchSnapshot(request), self._fail)

    def describe_vm(
        self, request: DescribeVmRequest, timeout_seconds: float | None = None
    ) -> DescribeVmResponse:
        """Describe a domain as the collecting process does."""
        try:
            return self._stub.DescribeVm(request, timeout=timeout_seconds or DEFAULT_SECONDS)
        except grpc.RpcError as error:
            self._fail(error)

    def probe(self, request: ProbeRequest, timeout_seconds: float) -> ProbeResponse:
        """Let the collecting process answer: it has the rights that the answers need."""
        try:
            return self._stub.Probe(request, timeout=timeout_seconds)
        except grpc.RpcError as error:
            call: Any = error
            match call.code():
                case grpc.StatusCode.FAILED_PRECONDITION:
                    raise ProbesRefused(call.details()) from None
                case grpc.StatusCode.UNIMPLEMENTED:
                    raise ProbesRefused("the collecting process is too old for probes") from None
                case grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise ProbesExhausted(call.details()) from None
            self._fail(error)

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report the collecting process's own health, in a thread of its own."""
        threading.Thread(
            target=self._follow, args=(report,), name="follow-health", daemon=True
        ).start()

    def close(self) -> None:
        """Close the connection; watches end."""
        self._closed.set()
        self._channel.close()

    def _follow(self, report: Callable[[bool], None]) -> None:
        # Asking now and then costs less than gRPC's thread for an open stream.
        serving = health_pb2.HealthCheckResponse.SERVING
        stub = health_pb2_grpc.HealthStub(self._channel)
        while not self._closed.is_set():
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_ANSWER_SECONDS)
                available = answer.status == serving
            except grpc.RpcError:
                available = False
            except ValueError:  # The channel was closed.
                return
            report(available)
            self._closed.wait(HEALTH_SECONDS if available else RETRY_SECONDS)

    def _fail(self, error: grpc.RpcError) -> NoReturn:
        call: Any = error
        details = call.details() or "no details"
        match call.code():
            case grpc.StatusCode.NOT_FOUND:
                raise UnknownDomain(details) from None
            case grpc.StatusCode.INVALID_ARGUMENT:
                raise UnusableDefinition(details) from None
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                reason = "did not answer in time"
            case _:
                # gRPC puts the cause last, after what it tried.
                reason = details.rpartition("error: ")[2]
        raise SourceUnavailable(f"the collecting process at {self._address}: {reason}") from None


class UnixSocketWatch:
    """The stream of the collecting process."""

    def __init__(self, stream: Any, fail: Callable[[grpc.RpcError], NoReturn]) -> None:  # noqa: ANN401 -- grpc's stream type is private
        self._stream = stream
        self._fail = fail

    def __iter__(self) -> "UnixSocketWatch":
        """Return the watch itself."""
        return self

    def __next__(self) -> Snapshot:
        """Return the next change."""
        try:
            response: WatchSnapshotResponse = next(self._stream)
        except grpc.FutureCancelledError:
            raise StopIteration from None
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.CANCELLED:
                raise StopIteration from None
            self._fail(error)
        return response.snapshot

    def cancel(self) -> object:
        """End the stream."""
        return self._stream.cancel()


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration
