"""Calls of one agent: in time, tried again after a pause, and read with care."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import grpc

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    GetSnapshotRequest,
    GetSnapshotResponse,
    ProbeRequest,
    ProbeResponse,
)
from vmfit.v1.host_preparation_service_pb2 import (
    ListLeasesRequest,
    ListLeasesResponse,
    ReleaseRequest,
    ReleaseResponse,
    ReserveRequest,
    ReserveResponse,
)
from vmfit.v1.probe_pb2 import ProbeResult
from vmfit.v1.rpcs import HOST_METADATA_RPCS, HOST_PREPARATION_RPCS
from vmfit_comparator.hosts.agent_answers import (
    Answer,
    AnyMessage,
    Read,
    UnusableAnswerError,
    reader,
)
from vmfit_comparator.hosts.agent_error import AgentError, late
from vmfit_comparator.hosts.answer_room import AnswerRoom
from vmfit_comparator.hosts.host_watch import CallEnd, Note
from vmfit_comparator.hosts.light_errors import light
from vmfit_comparator.hosts.patience import Patience
from vmfit_comparator.request_checks import MAX_VM_ELEMENTS
from vmfit_contract.errors import describe
from vmfit_contract.handed_on import HANDED_ON

# An agent that is being restarted is back within this; gRPC's own retries know no pause when a
# server closes one connection after the other, and take gigabytes.
_PAUSES_SECONDS = (0.1, 0.2)

Explain = Callable[[grpc.RpcError, float], str]
"""Returns why a call failed, in one line; it may take so many seconds."""
Request = TypeVar(
    "Request",
    GetSnapshotRequest,
    DescribeVmRequest,
    ProbeRequest,
    ReserveRequest,
    ReleaseRequest,
    ListLeasesRequest,
)

_SNAPSHOT = reader(GetSnapshotResponse)
# A hundred times what a large VM takes.
_MAX_VM_BYTES = 4 * 1024 * 1024
_VM = reader(DescribeVmResponse, max_elements=MAX_VM_ELEMENTS, max_bytes=_MAX_VM_BYTES)
_RESERVED = reader(ReserveResponse)
_RELEASED = reader(ReleaseResponse)
_LEASES = reader(ListLeasesResponse)
_RESULTS = reader(ProbeResponse, max_elements=MAX_VM_ELEMENTS, max_bytes=_MAX_VM_BYTES)


def described(error: grpc.RpcError, _: float) -> str:
    """Return what the error itself says."""
    return describe(error)


def ignored(_: CallEnd) -> None:
    """Take no note."""


class AgentCalls:
    """The RPCs of one agent, by the time until which an answer is wanted (time.monotonic()).

    Safe to use from several threads. All raise AgentError.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        room: AnswerRoom,
        explain: Explain = described,
        note: Note = ignored,
    ) -> None:
        """`note` is told how each call ended, tries included."""
        self._room = room
        self._explain = explain
        self._note = note
        self._count_lock = threading.Lock()
        self.under_way = 0
        """How many calls have not ended."""
        self._patience = Patience()
        self.reconnect(channel)

    def reconnect(self, channel: grpc.Channel) -> None:
        """Ask over another channel from now on; calls in progress end over the one before."""
        # The last reference to it, which those calls hold, closes the other.
        self._channel = channel
        self._methods: dict[str, grpc.UnaryUnaryMultiCallable[bytes, bytes]] = {
            rpc.method: channel.unary_unary(rpc.path, None, None)
            for rpc in (*HOST_METADATA_RPCS.values(), *HOST_PREPARATION_RPCS.values())
            if not rpc.response_streams
        }

    def close(self) -> None:
        """Close the connection; calls in progress end at once."""
        self._channel.close()

    def snapshot(self, request: GetSnapshotRequest, until: float) -> Answer[GetSnapshotResponse]:
        """Return what the agent knows of its host."""
        return self._call("GetSnapshot", request, _SNAPSHOT, until)

    def describe_vm(self, request: DescribeVmRequest, until: float) -> Answer[DescribeVmResponse]:
        """Return a VM as the host sees it; the error has the agent's own status."""
        return self._call("DescribeVm", request, _VM, until)

    def probe(self, request: ProbeRequest, until: float) -> Callable[[], Sequence[ProbeResult]]:
        """Start to ask questions, at most 64; what is returned waits for the answers, in order.

        Waiting raises AgentError when there are none.
        """
        seconds = self._seconds("Probe", until)
        began = time.monotonic()
        try:
            content, metadata = request.SerializeToString(), HANDED_ON.get()
            call = self._methods["Probe"].future(content, timeout=seconds, metadata=metadata)
        except ValueError:  # The channel was closed.
            raise _closed() from None

        def wait() -> Sequence[ProbeResult]:
            with self._noting("Probe", seconds):
                return results()

        def results() -> Sequence[ProbeResult]:
            try:
                response = self._result("Probe", call.result, _RESULTS, seconds, until).message
            except AgentError as error:
                if error.code is not grpc.StatusCode.UNAVAILABLE or not _pause(0, until):
                    raise
                response = self._try("Probe", request, _RESULTS, began + seconds).message
            if len(response.results) != len(request.probes):
                asked = len(request.probes)
                message = f"answered {len(response.results)} of {asked} questions"
                raise AgentError(grpc.StatusCode.FAILED_PRECONDITION, message)
            return response.results

        return wait

    def reserve(self, request: ReserveRequest, until: float) -> ReserveResponse:
        """Have memory promised; what may have been granted unheard is asked for again."""
        return self._call("Reserve", request, _RESERVED, until).message

    def release(self, request: ReleaseRequest, until: float) -> ReleaseResponse:
        """End a lease."""
        return self._call("Release", request, _RELEASED, until).message

    def list_leases(self, request: ListLeasesRequest, until: float) -> ListLeasesResponse:
        """Return what is promised."""
        return self._call("ListLeases", request, _LEASES, until).message

    @contextmanager
    def _noting(self, method: str, given_seconds: float) -> Iterator[None]:
        """Count the call while it is under way, and tell how it ended."""
        began = time.monotonic()
        with self._count_lock:
            self.under_way += 1
        code, reason = grpc.StatusCode.UNKNOWN, ""
        try:
            yield
            code = grpc.StatusCode.OK
        except AgentError as error:
            code, reason = error.code, str(error)
            raise
        finally:
            with self._count_lock:
                self.under_way -= 1
            took = time.monotonic() - began
            self._note(CallEnd(method, code, reason, given_seconds, took))

    def _call(
        self, method: str, request: Request, read: Read[AnyMessage], until: float
    ) -> Answer[AnyMessage]:
        with self._noting(method, until - time.monotonic()):
            return self._try(method, request, read, until)

    def _try(
        self, method: str, request: Request, read: Read[AnyMessage], until: float
    ) -> Answer[AnyMessage]:
        content = request.SerializeToString()
        for attempt in itertools.count():
            seconds = self._seconds(method, until)
            metadata = HANDED_ON.get()
            ask = partial(self._methods[method], content, timeout=seconds, metadata=metadata)
            try:
                return self._result(method, ask, read, seconds, until)
            except AgentError as error:
                if error.code is not grpc.StatusCode.UNAVAILABLE or not _pause(attempt, until):
                    raise
        raise AssertionError("attempts do not end")

    def _result(
        self,
        method: str,
        ask: Callable[[], bytes],
        read: Read[AnyMessage],
        seconds: float,
        until: float,
    ) -> Answer[AnyMessage]:
        try:
            content = ask()
        except grpc.RpcError as error:
            code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN  # type: ignore[unreachable]
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                self._patience.waited(method, seconds)
            else:
                self._patience.answered(method)
            reason = self._explain(error, until - time.monotonic())
            # The error of a call that was begun before is that call itself, which a frame holds.
            light(error)
            raise AgentError(code, reason) from None
        except grpc.FutureCancelledError:
            raise AgentError(grpc.StatusCode.CANCELLED, "was not asked to the end") from None
        except ValueError:  # The channel was closed.
            raise _closed() from None
        self._patience.answered(method)
        try:
            return read(content, self._room)
        except UnusableAnswerError as error:
            raise AgentError(grpc.StatusCode.FAILED_PRECONDITION, str(error)) from None

    def _seconds(self, method: str, until: float) -> float:
        seconds = self._patience.seconds(method, until)
        if seconds <= 0:
            raise late()
        return seconds


def _pause(attempt: int, until: float) -> bool:
    """Wait before the next attempt; return whether there is one."""
    if attempt >= len(_PAUSES_SECONDS) or time.monotonic() + _PAUSES_SECONDS[attempt] >= until:
        return False
    time.sleep(_PAUSES_SECONDS[attempt])
    return True


def _closed() -> AgentError:
    return AgentError(grpc.StatusCode.CANCELLED, "the connection was closed")
