"""The VM of a request: found on its source, and described where it is to go."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import grpc
from google.protobuf.message import Message

from vmfit.v1.comparator_service_pb2 import VmReference
from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import HostPath, Vm
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.hosts.agent_client import AgentClient
from vmfit_comparator.hosts.agent_error import AgentError
from vmfit_comparator.hosts.answer_room import Taken
from vmfit_comparator.hosts.sides import Side
from vmfit_comparator.request_checks import check_vm
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.spelling import meant_or_known

# Statuses by which an agent says that the request is at fault, not the agent.
_ABOUT_THE_REQUEST = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
_PASSED_ON = (
    *_ABOUT_THE_REQUEST,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
)


@dataclass(frozen=True)
class SourceVm:
    """The VM as its source has it."""

    vm: Vm
    xml: str = ""
    """The definition that would travel; empty when it is not known."""
    persistent_xml: str = ""
    """The stored definition; empty where it says the same, or is not known."""
    from_snapshot: bool = False
    """Found in the source's snapshot, so as old as its `domains` part."""
    room: Taken | None = None
    """What the VM takes in memory, as long as it is held."""

    @cached_property
    def vm_without_host_paths(self) -> Vm:
        """The VM for all destinations that do not describe it: see `without_host_paths`."""
        return without_host_paths(self.vm)


@dataclass(frozen=True, slots=True)
class IncomingVm:
    """The VM as it will arrive."""

    vm: Vm
    error: str = ""
    """Why the destination's agent did not describe it, when it was asked."""
    room: Taken | None = None
    """What the VM takes in memory, as long as it is held."""


def source_vm(
    reference: VmReference, source: Side, until: float, nonces: Sequence[bytes] = ()
) -> SourceVm:
    """Return the VM that a reference means. Raises EngineError naming field and host.

    `nonces` are those by which both hosts are to key hashes of content.
    """
    kind = reference.WhichOneof("vm")
    if kind is None or not getattr(reference, kind):
        raise EngineError(grpc.StatusCode.INVALID_ARGUMENT, "vm: names no VM", "vm")
    if kind == "description":
        check_vm(reference.description, "vm.description")
        return SourceVm(reference.description)
    if source.client is None:
        assert source.content is not None
        if kind == "xml":
            message = f"vm.xml: {source.name} is a snapshot; only an agent can describe XML"
            raise EngineError(grpc.StatusCode.INVALID_ARGUMENT, message, "vm.xml")
        found = _domain(source.content, reference.name_or_uuid, source)
        check_vm(found, "vm.name_or_uuid")
        return SourceVm(found, from_snapshot=True)
    request = DescribeVmRequest(**{kind: getattr(reference, kind)})
    request.content_nonces.extend(_taken_by(source.client, nonces))
    try:
        response, room = source.client.describe_vm(request, until)
    except AgentError as error:
        field = f"vm.{kind}" if error.code in _ABOUT_THE_REQUEST else None
        # The agent names its own request's field first; ours is named beside the message.
        reason = str(error).removeprefix(f"{kind}: ")
        # What the comparator itself may not, or did wrong, is no fault of its caller's.
        code = error.code if error.code in _PASSED_ON else grpc.StatusCode.UNAVAILABLE
        cause = _cause(error, source, reference)
        raise EngineError(code, f"host {source.name}: {reason}", field, cause) from None
    xml = response.xml or reference.xml
    return SourceVm(response.vm, xml, persistent_xml=response.persistent_xml, room=room)


def with_known_names(error: EngineError, wanted: VmReference, snapshot: Snapshot) -> EngineError:
    """Return the error of an agent that knows no such VM, with what the host's are called."""
    hint = meant_or_known(wanted.name_or_uuid, [each.name for each in snapshot.domains.vms])
    return EngineError(error.code, f"{error}{hint}", error.field, error.cause)


def _cause(error: AgentError, source: Side, reference: VmReference) -> Cause:
    if error.code is grpc.StatusCode.NOT_FOUND:
        return _about_vm(Reason.VM_UNKNOWN, source, reference.name_or_uuid)
    if error.code is grpc.StatusCode.INVALID_ARGUMENT:
        return Cause(Reason.VM_UNUSABLE, {"host": source.name})
    return error.cause(source.name)


def _about_vm(reason: Reason, source: Side, vm: str) -> Cause:
    return Cause(reason, {"host": source.name, "vm": vm})


def incoming_vm(
    known: SourceVm,
    options: MigrationOptions,
    sides: tuple[Side, Side],
    until: float,
    nonces: Sequence[bytes] = (),
) -> IncomingVm:
    """Return the VM as it will arrive: as the destination's agent describes it, if it can.

    Else the VM itself (or its changed XML as the source's agent reads it) without what the source
    saw behind the paths. Raises EngineError for changed XML that cannot be used or described.
    `sides` are source and destination.
    """
    source, destination = sides
    changed = options.destination_xml
    xml = changed or known.xml
    error = ""
    if destination.client is not None and xml:
        try:
            vm, room = _described(destination.client, xml, until, nonces)
            return IncomingVm(vm, room=room)
        except AgentError as caught:
            if changed and caught.code is grpc.StatusCode.INVALID_ARGUMENT:
                raise _about_changed_xml(f"host {destination.name}: {caught}") from None
            error = f"could not describe the VM there: {caught}"
    if not changed:
        return IncomingVm(known.vm_without_host_paths, error)
    if source.client is None:
        raise _about_changed_xml("neither host has an agent that can describe it now")
    try:
        described, room = _described(source.client, changed, until)
    except AgentError as caught:
        raise _about_changed_xml(f"host {source.name}: {caught}") from None
    return IncomingVm(without_host_paths(described), error, room)


def without_host_paths(vm: Vm) -> Vm:
    """Return a copy of a VM that says of its paths their names alone."""
    copy = Vm()
    copy.CopyFrom(vm)
    _forget_paths(copy)
    return copy


def _described(
    client: AgentClient, xml: str, until: float, nonces: Sequence[bytes] = ()
) -> tuple[Vm, Taken]:
    request = DescribeVmRequest(xml=xml, content_nonces=_taken_by(client, nonces))
    response, room = client.describe_vm(request, until)
    return response.vm, room


def _taken_by(client: AgentClient, nonces: Sequence[bytes]) -> Sequence[bytes]:
    """Return the nonces, if one of them is the agent's; none otherwise, which it would refuse."""
    return nonces if client.content_nonce in nonces else ()


def _about_changed_xml(message: str) -> EngineError:
    field = "options.destination_xml"
    return EngineError(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: {message}", field)


def _forget_paths(message: Message) -> None:
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for each in value if field.is_repeated else (value,):
            if isinstance(each, HostPath):
                each.CopyFrom(HostPath(path=each.path))
            else:
                _forget_paths(each)


def _domain(snapshot: Snapshot, name_or_uuid: str, source: Side) -> Vm:
    field = "vm.name_or_uuid"
    if not snapshot.HasField("domains"):
        why = next((each.error for each in snapshot.parts if each.name == "domains"), "")
        message = f"{source.name}: the snapshot has no domains{f' ({why})' if why else ''}"
        cause = _about_vm(Reason.VM_UNKNOWN, source, name_or_uuid)
        raise EngineError(grpc.StatusCode.NOT_FOUND, f"{field}: {message}", field, cause)
    vms = snapshot.domains.vms
    found = [each for each in vms if each.name == name_or_uuid]
    found = found or [each for each in vms if each.uuid == name_or_uuid.lower()]
    if not found:
        hint = meant_or_known(name_or_uuid, [each.name for each in vms])
        message = f"{field}: no domain {name_or_uuid!r} in the snapshot of {source.name}{hint}"
        cause = _about_vm(Reason.VM_UNKNOWN, source, name_or_uuid)
        raise EngineError(grpc.StatusCode.NOT_FOUND, message, field, cause)
    if len(found) > 1:
        places = ", ".join(each.connection_uri for each in found)
        message = f"{field}: {name_or_uuid!r} is there several times ({places}); name its UUID"
        cause = _about_vm(Reason.VM_AMBIGUOUS, source, name_or_uuid)
        raise EngineError(grpc.StatusCode.INVALID_ARGUMENT, message, field, cause)
    return found[0]
