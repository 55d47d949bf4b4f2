"""The HostMetadata service: calls answered from a snapshot source, however they travel."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from google.protobuf.message import DecodeError, Message

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
from vmfit_agent.calls import (
    FORBIDDEN,
    MAX_WATCHES,
    NO_SOURCE,
    PROBES_FORBIDDEN,
    UNARY,
    CallFailed,
    Status,
)
from vmfit_agent.moments import Moments
from vmfit_agent.part_state import PartState
from vmfit_agent.probes.validation import request_complaint
from vmfit_agent.sources import (
    ProbesExhausted,
    ProbesRefused,
    SnapshotSource,
    SourceUnavailable,
    UnknownDomain,
    Watch,
)
from vmfit_agent.sources.revision_one import RevisionOne
from vmfit_agent.storage.content_nonces import CONTENT_NONCES, ForeignNoncesError
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_contract.access import Caller, Role
from vmfit_contract.content_key import nonces_complaint
from vmfit_contract.parts import PART_NAMES
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.spelling import meant_or_known

MAX_XML_BYTES = 1024 * 1024


class HostMetadata:
    """Answers from a snapshot source; every failure names the field it is about. See Calls."""

    def __init__(
        self,
        source: SnapshotSource,
        max_watches: int = MAX_WATCHES,
        *,
        probes: bool = True,
        moments: Moments | None = None,
    ) -> None:
        self._source = source
        self._may_probe = probes
        self._moments = moments or Moments()
        self._max_watches = max_watches
        self._free_watches = threading.BoundedSemaphore(max_watches)
        # By the request's message, as the contract's table of RPCs names it.
        self._answers: dict[str, Callable[[bytes, _Call], Message]] = {
            GetSnapshotRequest.DESCRIPTOR.full_name: self._get_snapshot,
            DescribeVmRequest.DESCRIPTOR.full_name: self._describe_vm,
            ProbeRequest.DESCRIPTOR.full_name: self._probe,
        }

    def answer(self, method: str, request: bytes, seconds: float, caller: Caller) -> bytes:
        """Return the serialised response; raises CallFailed."""
        rpc = UNARY.get(method)
        if rpc is None:
            raise CallFailed(Status.UNIMPLEMENTED, f"no method {method[:100]}")
        with _failing_calls():
            return self._answers[rpc.request](request, _Call(seconds, caller)).SerializeToString()

    def watch(self, request: bytes, caller: Caller) -> "ServiceWatch":  # noqa: ARG002 -- all see the same
        """Open a watch: the parts, then what changes; raises CallFailed."""
        with _failing_calls():
            wanted = WatchSnapshotRequest.FromString(request)
            _check_parts(wanted.parts)
            if not self._free_watches.acquire(blocking=False):
                raise CallFailed(
                    Status.RESOURCE_EXHAUSTED,
                    f"{self._max_watches} watches are open already, the most that this agent "
                    "allows",
                )
            source = self._source if wanted.schema_revision >= 2 else RevisionOne(self._source)
            watch = source.watch(wanted.parts, wanted.known_digests)
            return ServiceWatch(watch, self._moments, self._free_watches.release)

    def allow_probes(self, *, allowed: bool) -> None:
        """Answer probes from now on, or refuse them."""
        self._may_probe = allowed

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report whether the source answers."""
        self._source.follow_availability(report)

    def part_states(self, max_age_seconds: float | None, seconds: float) -> Mapping[str, PartState]:
        """Return how each part fares."""
        return self._source.part_states(max_age_seconds, seconds)

    def close(self) -> None:
        """Close the source; watches end."""
        self._source.close()

    def _get_snapshot(self, message: bytes, call: "_Call") -> GetSnapshotResponse:
        request = GetSnapshotRequest.FromString(message)
        _check_parts(request.parts)
        max_age = None
        if request.HasField("max_age"):
            max_age = request.max_age.ToNanoseconds() / 1e9
            if max_age < 0:
                raise _invalid("max_age", "must not be negative")
        source = self._source if request.schema_revision >= 2 else RevisionOne(self._source)
        snapshot = source.snapshot(request.parts, max_age, request.known_digests, call.seconds)
        may_probe = call.caller.may(Role.PROBE)
        nonce = CONTENT_NONCES.current() if may_probe else b""
        return GetSnapshotResponse(
            snapshot=snapshot, moment=self._moments.now(), content_nonce=nonce
        )

    def _describe_vm(self, message: bytes, call: "_Call") -> DescribeVmResponse:
        request = DescribeVmRequest.FromString(message)
        kind = request.WhichOneof("vm")
        if kind is None or not getattr(request, kind):
            raise _invalid(kind or "vm", "name a domain, or give its XML")
        if len(request.xml.encode()) > MAX_XML_BYTES:
            raise _invalid("xml", f"larger than {MAX_XML_BYTES} bytes")
        if complaint := nonces_complaint(request.content_nonces):
            raise _invalid("content_nonces", complaint)
        try:
            return self._source.describe_vm(request, call.seconds, call.caller)
        except UnknownDomain as error:
            raise CallFailed(Status.NOT_FOUND, str(error), kind, Cause(Reason.VM_UNKNOWN)) from None
        except UnusableDefinition as error:
            raise CallFailed(
                Status.INVALID_ARGUMENT, str(error), kind, Cause(Reason.VM_UNUSABLE)
            ) from None
        except ForeignNoncesError as error:
            raise CallFailed(
                Status.FAILED_PRECONDITION, f"content_nonces: {error}", "content_nonces"
            ) from None

    def _probe(self, message: bytes, call: "_Call") -> ProbeResponse:
        request = ProbeRequest.FromString(message)
        complaint = request_complaint(request)
        if complaint is not None:
            raise _invalid(*complaint)
        if not self._may_probe:
            raise CallFailed(Status.FAILED_PRECONDITION, PROBES_FORBIDDEN, cause=FORBIDDEN)
        return self._source.probe(request, call.seconds, call.caller)


class _Call(NamedTuple):
    """What is known of a call beside its request."""

    seconds: float
    caller: Caller


class ServiceWatch:
    """A source's watch as serialised responses; holds a place until it is closed."""

    def __init__(self, watch: Watch, moments: Moments, release_place: Callable[[], object]) -> None:
        self._watch = watch
        self._moments = moments
        self._release_place = release_place

    def __iter__(self) -> "ServiceWatch":
        """Return the watch itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next change; raises CallFailed."""
        with _failing_calls():
            snapshot = next(self._watch)
            moment = self._moments.now()
            return WatchSnapshotResponse(snapshot=snapshot, moment=moment).SerializeToString()

    def cancel(self) -> None:
        """End the iteration."""
        self._watch.cancel()

    def close(self) -> None:
        """End the watch and free its place."""
        self._watch.cancel()
        self._release_place()


@contextmanager
def _failing_calls() -> Iterator[None]:
    """Raise CallFailed for what a source raises."""
    try:
        yield
    except DecodeError as error:
        raise CallFailed(Status.INVALID_ARGUMENT, f"the request is malformed: {error}") from None
    except ProbesRefused as error:
        raise CallFailed(Status.FAILED_PRECONDITION, str(error)) from None
    except ProbesExhausted as error:
        raise CallFailed(Status.RESOURCE_EXHAUSTED, str(error)) from None
    except SourceUnavailable as error:
        raise CallFailed(Status.UNAVAILABLE, str(error), cause=NO_SOURCE) from None


def _check_parts(parts: Sequence[str]) -> None:
    for index, name in enumerate(parts):
        if name not in PART_NAMES:
            field, hint = f"parts[{index}]", meant_or_known(name, PART_NAMES)
            cause = Cause(Reason.PART_UNKNOWN)
            message = f"{field}: no part {name[:100]!r}{hint}"
            raise CallFailed(Status.INVALID_ARGUMENT, message, field, cause)


def _invalid(field: str, why: str) -> CallFailed:
    return CallFailed(Status.INVALID_ARGUMENT, f"{field}: {why}", field)
