"""Asks one host's agent. Requests at the same time share one answer; parts are sent once."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future

import grpc

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    GetSnapshotRequest,
)
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit_comparator.host_answer import HostAnswer, Machine, WrongHostError
from vmfit_contract.errors import describe
from vmfit_contract.snapshot_file import SCHEMA_REVISION

# What will soon be stale is collected anew, so that an answer outlives its making.
_RENEWED_SHARE = 0.5
# A longer round trip (parts were collected) says too little about the clock: ask once more.
_EXACT_ROUND_TRIP_SECONDS = 0.05


class AgentError(Exception):
    """An agent that gave no answer; the message is one line without the host's name."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class AgentClient:
    """One host's agent. Safe to use from several threads.

    Times are `until`, by time.monotonic().
    """

    def __init__(self, channel: grpc.Channel, expect_hostname: str | None = None) -> None:
        self._channel = channel
        self._stub = HostMetadataStub(channel)
        self._expect_hostname = expect_hostname
        self._lock = threading.Lock()
        self._flights: dict[tuple[tuple[str, float], ...], Future[HostAnswer]] = {}
        self._machine: Machine | None = None
        self._latest: Snapshot | None = None

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
            raise _agent_error(error) from None

    def identity(self, until: float) -> Snapshot:
        """Return a snapshot that has the identity alone. Raises AgentError, WrongHostError."""
        snapshot, _ = self._ask(GetSnapshotRequest(parts=["identity"]), until)
        self._check_machine(snapshot)
        return snapshot

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
        snapshot, clock = self._ask(GetSnapshotRequest(known_digests=_digests(known)), until)
        self._check_machine(snapshot, known)
        _complete(snapshot, known)
        stale = {} if snapshot.HasField("recorded_at") else _stale(snapshot, fresh_seconds)
        if stale:
            request = GetSnapshotRequest(parts=stale, known_digests=_digests(snapshot))
            request.max_age.FromNanoseconds(int(min(stale.values()) * 1e9))
            renewed, clock = self._ask(request, until)
            _complete(renewed, snapshot)
            _replace(snapshot, renewed)
        if clock[1] > _EXACT_ROUND_TRIP_SECONDS / 2:
            request = GetSnapshotRequest(parts=["clock"], known_digests=_digests(snapshot))
            clock = min(clock, self._ask(request, until)[1], key=lambda each: each[1])
        self._latest = snapshot
        return HostAnswer(snapshot, *clock)

    def _ask(
        self, request: GetSnapshotRequest, until: float
    ) -> tuple[Snapshot, tuple[float, float]]:
        """Return the answer, and the clock's offset with its uncertainty."""
        sent, started = time.time(), time.monotonic()
        try:
            response = self._stub.GetSnapshot(request, timeout=_remaining(until))
        except grpc.RpcError as error:
            raise _agent_error(error) from None
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

    def _check_machine(self, snapshot: Snapshot, known: Snapshot | None = None) -> None:
        machine = Machine.of(snapshot)
        if machine is None and known is not None and _is_unchanged(snapshot, "identity"):
            machine = Machine.of(known)
        if machine is None:
            return
        if self._expect_hostname is not None and machine.hostname != self._expect_hostname:
            raise WrongHostError(f"answers as {machine}, expected {self._expect_hostname}")
        if self._machine is not None and machine.is_other_than(self._machine):
            raise WrongHostError(f"answers as {machine}, earlier as {self._machine}")
        self._machine = machine


def _digests(snapshot: Snapshot | None) -> dict[str, str]:
    return {each.name: each.digest for each in snapshot.parts if each.digest} if snapshot else {}


def _is_unchanged(snapshot: Snapshot, part: str) -> bool:
    return any(each.name == part and each.unchanged for each in snapshot.parts)


def _complete(snapshot: Snapshot, known: Snapshot | None) -> None:
    """Put in the parts that were not sent because `known` has them."""
    for status in snapshot.parts:
        if status.unchanged and known is not None and _has(known, status.name):
            getattr(snapshot, status.name).CopyFrom(getattr(known, status.name))
            status.unchanged = False


def _replace(snapshot: Snapshot, renewed: Snapshot) -> None:
    """Take the parts, their statuses and the time from a later answer for some parts."""
    statuses = {each.name: each for each in renewed.parts}
    for status in snapshot.parts:
        if status.name in statuses:
            status.CopyFrom(statuses[status.name])
            snapshot.ClearField(status.name)  # type: ignore[arg-type]
            if _has(renewed, status.name):
                getattr(snapshot, status.name).CopyFrom(getattr(renewed, status.name))
    snapshot.taken_at.CopyFrom(renewed.taken_at)


def _has(snapshot: Snapshot, part: str) -> bool:
    field = snapshot.DESCRIPTOR.fields_by_name.get(part)
    if field is None or field.message_type is None or field.is_repeated:
        return False
    return snapshot.HasField(part)  # type: ignore[arg-type]


def _stale(snapshot: Snapshot, fresh_seconds: Mapping[str, float]) -> dict[str, float]:
    def age(status: PartStatus) -> float:
        return (snapshot.taken_at.ToNanoseconds() - status.collected_at.ToNanoseconds()) / 1e9

    limits = {name: seconds * _RENEWED_SHARE for name, seconds in fresh_seconds.items()}
    return {
        each.name: limits[each.name]
        for each in snapshot.parts
        if each.name in limits and age(each) > limits[each.name]
    }


def _remaining(until: float) -> float:
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise _late()
    return remaining


def _late() -> AgentError:
    return AgentError(grpc.StatusCode.DEADLINE_EXCEEDED, "did not answer in time")


def _agent_error(error: grpc.RpcError) -> AgentError:
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN  # type: ignore[unreachable]
    return AgentError(code, describe(error))
