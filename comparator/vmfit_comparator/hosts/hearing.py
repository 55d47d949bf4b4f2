"""Snapshots as an agent gives them, with when they were given by the comparator's own clock."""

import math
import time
from collections.abc import Mapping
from typing import NamedTuple

import grpc

from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest, GetSnapshotResponse
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.hosts.agent_calls import AgentCalls
from vmfit_comparator.hosts.agent_error import AgentError
from vmfit_comparator.hosts.answer_room import Taken
from vmfit_comparator.hosts.snapshot_parts import bytes_by_part
from vmfit_comparator.hosts.succession import Succession, SuccessionError, Told, monotonic_seconds
from vmfit_contract.revisions import SCHEMA_REVISION, refusal

# The wall clock as it would be if nobody set it from now on: what is compared of two hosts' clocks
# is told at two moments, between which somebody may set this machine's.
_WALL_CLOCK_AT_ZERO = time.time() - monotonic_seconds()
_SLACK_SECONDS = 1.0
# An agent takes its nonces for two hours at least.
_NONCE_SECONDS = 1800.0


class Clock(NamedTuple):
    """The host's clock minus the comparator's, and how far that may be off."""

    offset_seconds: float
    uncertainty_seconds: float


class Heard(NamedTuple):
    """One answer, with the clock, what its parts take in memory, and when it arrived."""

    snapshot: Snapshot
    clock: Clock
    sizes: Mapping[str, int]
    received: float
    room: Taken


class Hearing:
    """Asks one agent for snapshots. Safe to use from several threads."""

    def __init__(self, calls: AgentCalls) -> None:
        self._calls = calls
        self._succession = Succession()
        self._nonce, self._nonce_at = b"", -math.inf

    def ask(self, request: GetSnapshotRequest, until: float) -> Heard:
        """Return the agent's answer, if it follows those before. Raises AgentError."""
        heard, told = self._once(request, until)

        def again() -> Told:
            return self._once(GetSnapshotRequest(parts=["identity"]), until)[1]

        try:
            self._succession.accept(told, heard.clock.offset_seconds, again)
        except SuccessionError as error:
            raise _not_to_be_used(str(error)) from None
        return heard

    @property
    def content_nonce(self) -> bytes | None:
        """By what the agent keys hashes of content, as it said last.

        Empty when it gives none, None when it was not asked for long.
        """
        age = monotonic_seconds() - self._nonce_at
        return self._nonce if age < _NONCE_SECONDS else None

    def _once(self, request: GetSnapshotRequest, until: float) -> tuple[Heard, Told]:
        request.schema_revision = SCHEMA_REVISION
        sent = monotonic_seconds()
        response, sizes, room = self._calls.snapshot(request, until)
        received = monotonic_seconds()
        _check_schema(response.snapshot)
        _check_times(response)
        self._nonce, self._nonce_at = response.content_nonce, received
        taken_at = response.snapshot.taken_at
        taken = taken_at.seconds + taken_at.nanos / 1e9
        clock = Clock(taken - (_WALL_CLOCK_AT_ZERO + (sent + received) / 2), (received - sent) / 2)
        heard = Heard(response.snapshot, clock, bytes_by_part(sizes), received, room)
        if response.moment.HasField("since_boot"):
            return heard, Told.of(response.moment, sent, received)
        return heard, Told(None, taken, sent, received)


def _check_schema(snapshot: Snapshot) -> None:
    if reason := refusal(snapshot):
        raise _not_to_be_used(
            f"its answer, by version {snapshot.agent_version} of the agent, {reason}"
        )


def _check_times(response: GetSnapshotResponse) -> None:
    """Raise AgentError for an answer that does not tell its times, or whose times cannot be.

    Agents of before tell the wall clock's times alone: an answer has to follow the one before by
    that clock, then.
    """
    snapshot, moment = response.snapshot, response.moment
    if not snapshot.HasField("taken_at"):
        raise _not_to_be_used("its answer: snapshot.taken_at: does not say when it was taken")
    if snapshot.HasField("recorded_at"):
        return
    if not moment.HasField("since_boot"):
        _check_wall_times(snapshot)
        return
    since_boot = moment.since_boot.seconds + moment.since_boot.nanos / 1e9
    for index, status in enumerate(snapshot.parts):
        where = f"its answer: snapshot.parts[{index}].age"
        if not status.HasField("age"):
            raise _not_to_be_used(f"{where}: does not say how old the part is")
        age = status.age.seconds + status.age.nanos / 1e9
        if not 0 <= age <= since_boot + _SLACK_SECONDS:
            raise _not_to_be_used(f"{where}: {age:.0f} s, {since_boot:.0f} s after the boot")


def _check_wall_times(snapshot: Snapshot) -> None:
    for index, status in enumerate(snapshot.parts):
        if not status.HasField("collected_at"):
            where = f"its answer: snapshot.parts[{index}].collected_at"
            raise _not_to_be_used(f"{where}: does not say when the part was collected")


def _not_to_be_used(reason: str) -> AgentError:
    return AgentError(grpc.StatusCode.FAILED_PRECONDITION, reason)
