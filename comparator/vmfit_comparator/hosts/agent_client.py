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
    ProbeRequest,
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
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.hosts.agent_calls import AgentCalls
from vmfit_comparator.hosts.agent_error import AgentError, late
from vmfit_comparator.hosts.answer_room import AnswerRoom, NoRoomError, Taken
from vmfit_comparator.hosts.hearing import Clock, Heard, Hearing
from vmfit_comparator.hosts.host_answer import HostAnswer
from vmfit_comparator.hosts.machine_check import Certified, MachineCheck
from vmfit_comparator.hosts.snapshot_parts import (
    bytes_of,
    complete,
    digests,
    replace,
    stale_parts,
)
from vmfit_contract.revisions import upgraded

# An agent that could not collect in time does not cost every caller half of the time.
_RENEWALS_REST_SECONDS = 30.0
# A longer round trip (parts were collected) says too little about the clock: ask once more.
_EXACT_ROUND_TRIP_SECONDS = 0.05


class _Known(NamedTuple):
    """The latest snapshot, and what its parts take in memory."""

    snapshot: Snapshot | None = None
    sizes: Mapping[str, int] = MappingProxyType({})
    room: Taken | None = None


class AgentClient:
    """One host's agent. Safe to use from several threads.

    Times are `until`, by time.monotonic().
    """

    def __init__(
        self,
        calls: AgentCalls,
        room: AnswerRoom,
        machine: MachineCheck,
        heard: Callable[[HostAnswer], None] | None = None,
    ) -> None:
        """Take who is told of every snapshot."""
        self._heard = heard
        self._calls = calls
        self._room = room
        self._hearing = Hearing(calls)
        self._machine = machine
        self._lock = threading.Lock()
        self._flights: dict[tuple[tuple[str, float], ...], Future[HostAnswer]] = {}
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

    @property
    def content_nonce(self) -> bytes | None:
        """See Hearing: asking for the snapshot makes it known."""
        return self._hearing.content_nonce

    def describe_vm(
        self, request: DescribeVmRequest, until: float
    ) -> tuple[DescribeVmResponse, Taken]:
        """Return a VM as this host sees it, and the room that it takes as long as it is held.

        Raises AgentError with the agent's status.
        An agent that was started again knows no nonce of before: then there are no keyed hashes.
        """
        try:
            answer = self._calls.describe_vm(request, until)
        except AgentError as error:
            refused = error.code is grpc.StatusCode.FAILED_PRECONDITION
            if not refused or not request.content_nonces:
                raise
            plain = DescribeVmRequest()
            plain.CopyFrom(request)
            plain.ClearField("content_nonces")
            answer = self._calls.describe_vm(plain, until)
        return answer.message, answer.room

    def probe(self, request: ProbeRequest, until: float) -> Callable[[], Sequence[ProbeResult]]:
        """Start to ask questions, at most 64; what is returned waits for the answers, in order.

        Waiting raises AgentError when there are none.
        """
        return self._calls.probe(request, until)

    def reserve(self, request: ReserveRequest, until: float) -> ReserveResponse:
        """Have memory promised to a VM. Raises AgentError."""
        return self._calls.reserve(request, until)

    def release(self, request: ReleaseRequest, until: float) -> ReleaseResponse:
        """End the lease of a VM. Raises AgentError."""
        return self._calls.release(request, until)

    def list_leases(self, request: ListLeasesRequest, until: float) -> ListLeasesResponse:
        """Return what is promised. Raises AgentError."""
        return self._calls.list_leases(request, until)

    def identity(self, until: float) -> Snapshot:
        """Return a snapshot that has the identity alone. Raises AgentError, WrongHostError."""
        snapshot = self._hearing.ask(GetSnapshotRequest(parts=["identity"]), until).snapshot
        self._machine.check(snapshot, None, until - time.monotonic())
        return snapshot

    @property
    def calls_under_way(self) -> int:
        """How many calls have not ended."""
        return self._calls.under_way

    @property
    def known_bytes(self) -> int:
        """What the latest snapshot takes in memory, about."""
        room = self._latest.room
        return 0 if room is None else room.size

    def forget(self) -> None:
        """Drop the latest snapshot: the next one is sent whole."""
        self._latest = _Known()

    def reconnect(self, channel: grpc.Channel, certified: Certified) -> None:
        """Ask over another channel from now on; calls in progress end over the one before."""
        self._calls.reconnect(channel)
        self._machine.look_again(certified)

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
        if self._heard is not None:
            self._heard(answer)
        return answer

    def _fetch(self, fresh_seconds: Mapping[str, float], until: float) -> HostAnswer:
        known = self._latest
        try:
            heard = self._hear(known, until)
        except NoRoomError:
            if known.snapshot is None:
                raise
            # What is sent whole takes the place of what was known.
            self._latest = known = _Known()
            heard = self._hear(known, until)
        snapshot, clock, sizes, received, room = heard
        self._machine.check(snapshot, known.snapshot, until - time.monotonic())
        complete(snapshot, known.snapshot)
        sizes = {**known.sizes, **sizes}
        renewed = None
        stale = {} if snapshot.HasField("recorded_at") else stale_parts(snapshot, fresh_seconds)
        if stale and time.monotonic() >= self._renewals_rest_until:
            renewed = self._renew(snapshot, stale, until)
            if renewed is not None:
                complete(renewed.snapshot, snapshot)
                replace(snapshot, renewed.snapshot, renewed.received - received)
                clock, received = renewed.clock, renewed.received
                sizes = {**sizes, **renewed.sizes}
        if clock.uncertainty_seconds > _EXACT_ROUND_TRIP_SECONDS / 2:
            exact = self._exact_clock(snapshot, until) or clock
            clock = min(clock, exact, key=attrgetter("uncertainty_seconds"))
        # What was taken for the answers by themselves is given back, and that of the former one.
        del heard, room, renewed, known
        self._latest = _Known()
        # What was sent is kept beside it: the agent's next answer says what of that is unchanged.
        told = upgraded(snapshot)
        size = snapshot.ByteSize() + bytes_of(snapshot, sizes)
        room = self._room.take(size if told is snapshot else 2 * size)
        self._latest = _Known(snapshot, sizes, room)
        return HostAnswer(told, *clock, received, room)

    def _hear(self, known: _Known, until: float) -> Heard:
        request = GetSnapshotRequest(known_digests=digests(known.snapshot))
        return self._hearing.ask(request, until)

    def _renew(self, snapshot: Snapshot, stale: Mapping[str, float], until: float) -> Heard | None:
        """Have parts collected anew; what takes more than half of the time stays as it is."""
        # What libvirt calls the host is told with the identity, and was learnt with the other.
        with_names = ["identity"] if "hypervisor" in stale else []
        request = GetSnapshotRequest(parts=[*stale, *with_names], known_digests=digests(snapshot))
        request.max_age.FromNanoseconds(int(min(stale.values()) * 1e9))
        try:
            return self._hearing.ask(request, (time.monotonic() + until) / 2)
        except AgentError:
            self._renewals_rest_until = time.monotonic() + _RENEWALS_REST_SECONDS
            return None

    def _exact_clock(self, snapshot: Snapshot, until: float) -> Clock | None:
        request = GetSnapshotRequest(parts=["clock"], known_digests=digests(snapshot))
        try:
            return self._hearing.ask(request, (time.monotonic() + until) / 2).clock
        except AgentError:
            return None
