"""Asks one host's agent. Requests at the same time share one answer; parts are sent once."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

import grpc

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    GetSnapshotRequest,
)
from vmfit.v1.probe_pb2 import Probe, ProbeResult
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.hosts.agent_calls import AgentCalls
from vmfit_comparator.hosts.agent_error import AgentError, late
from vmfit_comparator.hosts.host_answer import HostAnswer, Machine, WrongHostError
from vmfit_comparator.hosts.snapshot_parts import (
    bytes_by_part,
    bytes_of,
    complete,
    digests,
    is_unchanged,
    replace,
    stale_parts,
)
from vmfit_contract.snapshot_file import SCHEMA_REVISION

# An agent that could not collect in time does not cost every caller half of the time.
_RENEWALS_REST_SECONDS = 30.0
# A longer round trip (parts were collected) says too little about the clock: ask once more.
_EXACT_ROUND_TRIP_SECONDS = 0.05


class _Known(NamedTuple):
    """The latest snapshot, and what its parts take in memory."""

    snapshot: Snapshot | None = None
    sizes: Mapping[str, int] = MappingProxyType({})


class _Clock(NamedTuple):
    """The host's clock minus the comparator's, and how far that may be off."""

    offset_seconds: float
    uncertainty_seconds: float


class _Heard(NamedTuple):
    """One answer, with the clock, and with what its parts take in memory."""

    snapshot: Snapshot
    clock: _Clock
    sizes: Mapping[str, int]


class AgentClient:
    """One host's agent. Safe to use from several threads.

    Times are `until`, by time.monotonic().
    """

    def __init__(self, calls: AgentCalls, expect_hostname: str | None = None) -> None:
        self._calls = calls
        self._expect_hostname = expect_hostname
        self._lock = threading.Lock()
        self._flights: dict[tuple[tuple[str, float], ...], Future[HostAnswer]] = {}
        self._machine: Machine | None = None
        self._latest = _Known()
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
                raise late() from None
            except AgentError as error:
                # The other caller had less time than this one has.
                if error.code is not grpc.StatusCode.DEADLINE_EXCEEDED or time.monotonic() >= until:
                    raise

    def describe_vm(self, request: DescribeVmRequest, until: float) -> DescribeVmResponse:
        """Return a VM as this host sees it. Raises AgentError with the agent's status."""
        return self._calls.describe_vm(request, until)

    def probe(self, probes: Sequence[Probe], until: float) -> Callable[[], Sequence[ProbeResult]]:
        """Start to ask questions, at most 64; what is returned waits for the answers, in order.

        Waiting raises AgentError when there are none.
        """
        return self._calls.probe(probes, until)

    def identity(self, until: float) -> Snapshot:
        """Return a snapshot that has the identity alone. Raises AgentError, WrongHostError."""
        snapshot = self._ask(GetSnapshotRequest(parts=["identity"]), until).snapshot
        self._check_machine(snapshot)
        return snapshot

    @property
    def known_bytes(self) -> int:
        """What the latest snapshot takes in memory, about."""
        known = self._latest
        return bytes_of(known.snapshot, known.sizes) if known.snapshot is not None else 0

    def forget(self) -> None:
        """Drop the latest snapshot: the next one is sent whole."""
        self._latest = _Known()

    def reconnect(self, channel: grpc.Channel) -> None:
        """Ask over another channel from now on; calls in progress end over the one before."""
        self._calls.reconnect(channel)

    def close(self) -> None:
        """Close the connection; calls in progress end at once."""
        self._calls.close()

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
        heard = self._ask(GetSnapshotRequest(known_digests=digests(known.snapshot)), until)
        snapshot, clock, sizes = heard
        self._check_machine(snapshot, known.snapshot)
        complete(snapshot, known.snapshot)
        sizes = {**known.sizes, **sizes}
        stale = {} if snapshot.HasField("recorded_at") else stale_parts(snapshot, fresh_seconds)
        if stale and time.monotonic() >= self._renewals_rest_until:
            renewed = self._renew(snapshot, stale, until)
            if renewed is not None:
                clock, sizes = renewed.clock, {**sizes, **renewed.sizes}
        if clock.uncertainty_seconds > _EXACT_ROUND_TRIP_SECONDS / 2:
            exact = self._exact_clock(snapshot, until) or clock
            clock = min(clock, exact, key=attrgetter("uncertainty_seconds"))
        self._latest = _Known(snapshot, sizes)
        return HostAnswer(snapshot, *clock)

    def _renew(
        self, snapshot: Snapshot, stale: Mapping[str, float], until: float
    ) -> "_Heard | None":
        """Have parts collected anew; what takes more than half of the time stays as it is."""
        request = GetSnapshotRequest(parts=stale, known_digests=digests(snapshot))
        request.max_age.FromNanoseconds(int(min(stale.values()) * 1e9))
        try:
            renewed = self._ask(request, (time.monotonic() + until) / 2)
        except AgentError:
            self._renewals_rest_until = time.monotonic() + _RENEWALS_REST_SECONDS
            return None
        complete(renewed.snapshot, snapshot)
        replace(snapshot, renewed.snapshot)
        return renewed

    def _exact_clock(self, snapshot: Snapshot, until: float) -> "_Clock | None":
        request = GetSnapshotRequest(parts=["clock"], known_digests=digests(snapshot))
        try:
            return self._ask(request, (time.monotonic() + until) / 2).clock
        except AgentError:
            return None

    def _ask(self, request: GetSnapshotRequest, until: float) -> "_Heard":
        sent, started = time.time(), time.monotonic()
        response, sizes = self._calls.snapshot(request, until)
        half = (time.monotonic() - started) / 2
        snapshot = response.snapshot
        if snapshot.schema_revision > SCHEMA_REVISION:
            raise AgentError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"its agent ({snapshot.agent_version}) speaks schema revision "
                f"{snapshot.schema_revision}, this comparator up to {SCHEMA_REVISION}",
            )
        taken = snapshot.taken_at.seconds + snapshot.taken_at.nanos / 1e9
        return _Heard(snapshot, _Clock(taken - (sent + half), half), bytes_by_part(sizes))

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
