"""The HostPreparation service: leases, written down before they hold."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from google.protobuf.message import DecodeError, Message

from vmfit.v1.host_preparation_service_pb2 import (
    ListLeasesRequest,
    ListLeasesResponse,
    ReleaseRequest,
    ReleaseResponse,
    RenewRequest,
    RenewResponse,
    ReserveRequest,
    ReserveResponse,
)
from vmfit.v1.rpcs import HOST_PREPARATION_RPCS
from vmfit_agent.host import Host
from vmfit_agent.ledger.capacity import read_capacity
from vmfit_agent.ledger.guest_usage import Usage, find_guests, look_again
from vmfit_agent.ledger.ledger_file import LedgerFile, LedgerUnusable
from vmfit_agent.ledger.rules import (
    Action,
    Asker,
    Event,
    Ledger,
    Look,
    Release,
    Renew,
    Reserve,
    decide,
    standing,
)
from vmfit_agent.moments import Moments
from vmfit_agent.preparation.requests import duration_of, reservations_of, vm_uuid_of
from vmfit_contract.access import Caller, Role
from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.reasons import Cause, Reason

_LOG = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""How often guests that have come, and leases that are over, are looked for."""


class HostPreparation:
    """Answers the calls, one change at a time. Safe to use from several threads.

    That a caller has the role is asked here, too: who hands the call on is not trusted with it.
    """

    def __init__(self, host: Host, ledger_file: LedgerFile) -> None:
        """The ledger is opened when it is first needed, and again whenever it could not be used."""
        self._host = host
        self._file = ledger_file
        self._moments = Moments()
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._usage: Mapping[str, Usage] = {}
        self._complaint = ""
        # By the request's message, as the contract's table of RPCs names it.
        self._answers: dict[str, Callable[[bytes, Caller], Message]] = {
            ReserveRequest.DESCRIPTOR.full_name: self._reserve,
            RenewRequest.DESCRIPTOR.full_name: self._renew,
            ReleaseRequest.DESCRIPTOR.full_name: self._release,
            ListLeasesRequest.DESCRIPTOR.full_name: self._list_leases,
        }

    def answer(self, method: str, request: bytes, caller: Caller) -> bytes:
        """Return the serialised response; raises CallFailed."""
        rpc = HOST_PREPARATION_RPCS.get(method)
        if rpc is None:
            told = f"{method[:100]}: this process keeps leases only"
            raise CallFailed(Status.UNIMPLEMENTED, told)
        if not caller.may(Role(rpc.role)):
            told = f"{caller.name} has not the role {rpc.role}"
            raise CallFailed(Status.PERMISSION_DENIED, told, cause=Cause(Reason.ROLE_MISSING))
        try:
            return self._answers[rpc.request](request, caller).SerializeToString()
        except DecodeError as error:
            told = f"the request is malformed: {error}"
            raise CallFailed(Status.INVALID_ARGUMENT, told) from None

    def look(self) -> None:
        """Look for guests that have come and leases that are over; what fails is logged once."""
        try:
            with self._lock:
                ledger = self._opened()
                if ledger.leases:
                    self._usage = find_guests(self._host, ledger.leases.keys())
                    self._change(Look(self._usage))
        except CallFailed as failure:
            if failure.message != self._complaint:
                _LOG.warning("%s", failure.message)
            self._complaint = failure.message
        else:
            self._complaint = ""

    def status(self) -> str:
        """Return how it fares, for people."""
        if self._complaint:
            return self._complaint
        count = len(self._ledger.leases) if self._ledger is not None else 0
        return f"{count} lease{'' if count == 1 else 's'}"

    def close(self) -> None:
        """Let another process have the ledger."""
        with self._lock:
            self._file.close()
            self._ledger = None

    def _reserve(self, message: bytes, caller: Caller) -> ReserveResponse:
        request = ReserveRequest.FromString(message)
        vm_uuid = vm_uuid_of(request.vm_uuid)
        reservations = reservations_of(request.reservations)
        nanoseconds = duration_of(request.duration)
        generation = request.generation if request.HasField("generation") else None
        with self._lock:
            self._opened()
            usage = look_again(self._host, self._usage)
            capacity = read_capacity(self._host)
            asker = _asker(caller)
            event = Reserve(asker, vm_uuid, reservations, nanoseconds, capacity, usage, generation)
            ledger = self._change(event)
            return ReserveResponse(lease=ledger.leases[vm_uuid], moment=self._moments.now())

    def _renew(self, message: bytes, caller: Caller) -> RenewResponse:
        request = RenewRequest.FromString(message)
        vm_uuid = vm_uuid_of(request.vm_uuid)
        nanoseconds = duration_of(request.duration)
        with self._lock:
            self._opened()
            ledger = self._change(Renew(_asker(caller), vm_uuid, request.generation, nanoseconds))
            return RenewResponse(lease=ledger.leases[vm_uuid], moment=self._moments.now())

    def _release(self, message: bytes, caller: Caller) -> ReleaseResponse:
        request = ReleaseRequest.FromString(message)
        vm_uuid = vm_uuid_of(request.vm_uuid)
        with self._lock:
            had = vm_uuid in self._opened().leases
            self._change(Release(_asker(caller), vm_uuid, request.generation))
            return ReleaseResponse(released=had)

    def _list_leases(self, message: bytes, caller: Caller) -> ListLeasesResponse:  # noqa: ARG002 -- all see the same
        ListLeasesRequest.FromString(message)
        with self._lock:
            ledger = self._opened()
            usage = look_again(self._host, self._usage)
            leases = standing(ledger, usage, _now())
            return ListLeasesResponse(leases=leases, moment=self._moments.now())

    def _opened(self) -> Ledger:
        """Return the ledger, opened when it is not; raises CallFailed."""
        if self._ledger is None:
            try:
                self._ledger, ended = self._file.open()
            except LedgerUnusable as error:
                raise _unusable(error) from None
            if ended:
                told = "lease has" if ended == 1 else "leases have"
                _LOG.info("the host has booted since: %d %s ended", ended, told)
        return self._ledger

    def _change(self, event: Event) -> Ledger:
        """Write down what an event changes, then let it hold; raises CallFailed."""
        assert self._ledger is not None
        ledger, actions = decide(self._ledger, event, _now())
        if actions:
            self._write(actions, ledger)
        return ledger

    def _write(self, actions: Sequence[Action], after: Ledger) -> None:
        try:
            self._file.write(actions, after)
        except LedgerUnusable as error:
            self._ledger = None
            raise _unusable(error) from None
        self._ledger = after


def _asker(caller: Caller) -> Asker:
    return Asker(caller.name, caller.may(Role.ADMINISTER))


def _now() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _unusable(error: LedgerUnusable) -> CallFailed:
    cause = Cause(Reason.LEDGER_UNUSABLE)
    return CallFailed(Status.FAILED_PRECONDITION, str(error), cause=cause)
