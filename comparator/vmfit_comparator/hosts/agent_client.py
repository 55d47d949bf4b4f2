"""Asks one host's agent. Requests at the same time share one answer; parts are sent once."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from operator import itemgetter

import grpc

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    GetSnapshotRequest,
    ProbeRequest,
)
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit.v1.probe_pb2 import Probe, ProbeResult
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.hosts.host_answer import HostAnswer, Machine, WrongHostError
from vmfit_comparator.hosts.snapshot_parts import (
    complete,
    digests,
    is_unchanged,
    replace,
    stale_parts,
)
from vmfit_contract.errors import describe
from vmfit_contract.snapshot_file import SCHEMA_REVISION

# An agent that could not collect in time does not cost every caller half of the time.
_RENEWALS_REST_SECONDS = 30.0
# A longer round trip (parts were collected) says too little about the clock: ask once more.
_EXACT_ROUND_TRIP_SECONDS = 0.05


class AgentError(Exception):
    """An agent that gave no answer; the message is one line without the host's name."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


Explain = Callable[[grpc.RpcError, float], str]
"""Returns why a call failed, in one line; it may take so many seconds."""


def _described(error: grpc.RpcError, _: float) -> str:
    return describe(error)


class AgentClient:
    """One host's agent. Safe to use from several threads.

    Times are `until`, by time.monotonic().
    """

    def __init__(
        self,
        channel: grpc.Channel,
        expect_hostname: str | None = None,
        explain: Explain = _described,
    ) -> None:
        self._channel = channel
        self._stub = HostMetadataStub(channel)
        self._expect_hostname = expect_hostname
        self._explain = explain
        self._lock = threading.Lock()
        self._flights: dict[tuple[tuple[str, float], ...], Future[HostAnswer]] = {}
        self._machine: Machine | None = None
        self._latest: Snapshot | None = None
        self._renewals_rest_until = 0.0

    def snapshot(self, fresh_seconds: Mapping[str, float], until: float) -> HostAnswer:
        """Return the host's snapshot; parts that come near `fresh_seconds` are collected anew.

        Raises AgentError, and WrongHostError when another machine answers.
        """
        key = tuple(sorted(fresh_seconds.items()))
        while True:
            with self._lock:
                flight = self._flights.get(key)
                if flight is None:
                    mine: Future[HostAnswer] = Future()
                    self._flights[key] = mine
            if flight is None:
                return self._lead(key, mine, fresh_seconds, until)
            try:
                return flight.result(max(until - time.monotonic(), 0))
            except TimeoutError:
                raise _late() from None
            except AgentError as error:
                # The other caller had less time than this one has.
                if error.code is not grpc.StatusCode.DEADLINE_EXCEEDED or time.monotonic() >= until:
                    raise

    def describe_vm(self, request: DescribeVmRequest, until: float) -> DescribeVmResponse:
        """Return a VM as this host sees it. Raises AgentError with the agent's status."""
        try:
            return self._stub.DescribeVm(request, timeout=_remaining(until))
        except grpc.RpcError as error:
            raise self._error(error, until) from None

    def probe(self, probes: Sequence[Probe], until: float) -> Callable[[], Sequence[ProbeResult]]:
        """Start to ask questions, at most 64; what is returned waits for the answers, in order.

        Waiting raises AgentError when there are none.
        """
        try:
            call = self._stub.Probe.future(ProbeRequest(probes=probes), timeout=_remaining(until))
        except ValueError:  # The channel was closed.
            raise AgentError(grpc.StatusCode.CANCELLED, "the connection was closed") from None

        def wait() -> Sequence[ProbeResult]:
            try:
                results = call.result().results
            except grpc.RpcError as error:
                raise self._error(error, until) from None
            except grpc.FutureCancelledError:
                raise AgentError(grpc.StatusCode.CANCELLED, "was not asked to the end") from None
            if len(results) != len(probes):
                message = f"answered {len(results)} of {len(probes)} questions"
                raise AgentError(grpc.StatusCode.INTERNAL, message)
            return results

        return wait

    def identity(self, until: float) -> Snapshot:
        """Return a snapshot that has the identity alone. Raises AgentError, WrongHostError."""
        snapshot, _ = self._ask(GetSnapshotRequest(parts=["identity"]), until)
        self._check_machine(snapshot)
        return snapshot

    def reconnect(self, channel: grpc.Channel) -> None:
        """Ask over another channel from now on; calls in progress end over the one before."""
        # The last reference to it, which those calls hold, closes the other.
        self._channel, self._stub = channel, HostMetadataStub(channel)

    def close(self) -> None:
        """Close the connection; calls in progress end at once."""
        self._channel.close()

    def _lead(
        self,
        key: tuple[tuple[str, float], ...],
        flight: "Future[HostAnswer]",
        fresh_seconds: Mapping[str, float],
        until: float,
    ) -> HostAnswer:
        try:
            answer = self._fetch(fresh_seconds, until)
        except BaseException as error:
            flight.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._flights[key]
        flight.set_result(answer)
        return answer

    def _fetch(self, fresh_seconds: Mapping[str, float], until: float) -> HostAnswer:
        known = self._latest
        snapshot, clock = self._ask(GetSnapshotRequest(known_digests=digests(known)), until)
        self._check_machine(snapshot, known)
        complete(snapshot, known)
        stale = {} if snapshot.HasField("recorded_at") else stale_parts(snapshot, fresh_seconds)
        if stale and time.monotonic() >= self._renewals_rest_until:
            clock = self._renew(snapshot, stale, until) or clock
        if clock[1] > _EXACT_ROUND_TRIP_SECONDS / 2:
            clock = min(clock, self._exact_clock(snapshot, until) or clock, key=itemgetter(1))
        self._latest = snapshot
        return HostAnswer(snapshot, *clock)

    def _renew(
        self, snapshot: Snapshot, stale: Mapping[str, float], until: float
    ) -> tuple[float, float] | None:
        """Have parts collected anew; what takes more than half of the time stays as it is."""
        request = GetSnapshotRequest(parts=stale, known_digests=digests(snapshot))
        request.max_age.FromNanoseconds(int(min(stale.values()) * 1e9))
        try:
            renewed, clock = self._ask(request, (time.monotonic() + until) / 2)
        except AgentError:
            self._renewals_rest_until = time.monotonic() + _RENEWALS_REST_SECONDS
            return None
        complete(renewed, snapshot)
        replace(snapshot, renewed)
        return clock

    def _exact_clock(self, snapshot: Snapshot, until: float) -> tuple[float, float] | None:
        request = GetSnapshotRequest(parts=["clock"], known_digests=digests(snapshot))
        try:
            return self._ask(request, (time.monotonic() + until) / 2)[1]
        except AgentError:
            return None

    def _ask(
        self, request: GetSnapshotRequest, until: float
    ) -> tuple[Snapshot, tuple[float, float]]:
        """Return the answer, and the clock's offset with its uncertainty."""
        sent, started = time.time(), time.monotonic()
        try:
            response = self._stub.GetSnapshot(request, timeout=_remaining(until))
        except grpc.RpcError as error:
            raise self._error(error, until) from None
        half = (time.monotonic() - started) / 2
        snapshot = response.snapshot
        if snapshot.schema_revision > SCHEMA_REVISION:
            raise AgentError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"its agent ({snapshot.agent_version}) speaks schema revision "
                f"{snapshot.schema_revision}, this comparator up to {SCHEMA_REVISION}",
            )
        taken = snapshot.taken_at.seconds + snapshot.taken_at.nanos / 1e9
        return snapshot, (taken - (sent + half), half)

    def _error(self, error: grpc.RpcError, until: float) -> AgentError:
        code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN  # type: ignore[unreachable]
        return AgentError(code, self._explain(error, until - time.monotonic()))

    def _check_machine(self, snapshot: Snapshot, known: Snapshot | None = None) -> None:
        machine = Machine.of(snapshot)
        if machine is None and known is not None and is_unchanged(snapshot, "identity"):
            machine = Machine.of(known)
        if machine is None:
            return
        if self._expect_hostname is not None and machine.hostname != self._expect_hostname:
            raise WrongHostError(f"answers as {machine}, expected {self._expect_hostname}")
        if self._machine is not None and machine.is_other_than(self._machine):
            raise WrongHostError(f"answers as {machine}, earlier as {self._machine}")
        self._machine = machine


def _remaining(until: float) -> float:
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise _late()
    return remaining


def _late() -> AgentError:
    return AgentError(grpc.StatusCode.DEADLINE_EXCEEDED, "did not answer in time")
