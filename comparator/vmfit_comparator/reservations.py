"""Memory of a destination, promised to a VM that is to come: asked of the destination's agent."""

from collections.abc import Callable
from typing import TypeVar

import grpc

from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.host_preparation_service_pb2 import (
    ListLeasesRequest,
    ReleaseRequest,
    ReserveRequest,
)
from vmfit_comparator.engine_error import EngineError, invalid
from vmfit_comparator.hosts.agent_client import AgentClient
from vmfit_comparator.hosts.agent_error import AgentError
from vmfit_comparator.hosts.sides import Gathered, Side
from vmfit_comparator.hosts.vms import source_vm
from vmfit_comparator.knowledge.coming_memory import coming_memory

_PASSED_ON = (
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)

Result = TypeVar("Result")


def reserve(
    request: messages.ReserveMemoryRequest, source: Side, destination: Gathered, until: float
) -> messages.ReserveMemoryResponse:
    """Have the destination promise the VM's memory. Raises EngineError."""
    client = _agent_of(destination.side)
    vm = source_vm(request.vm, source, until).vm
    if not vm.uuid:
        raise invalid("vm", "has no UUID")
    try:
        wanted = coming_memory(vm, destination.snapshot.memory.default_huge_page_bytes)
    except ValueError as error:
        message = f"host {destination.side.name}: {error}"
        raise EngineError(grpc.StatusCode.FAILED_PRECONDITION, message) from None
    if not wanted:
        raise invalid("vm", "tells of no memory")
    asked = ReserveRequest(vm_uuid=vm.uuid, reservations=wanted, duration=request.duration)
    granted = _asked(destination.side, lambda: client.reserve(asked, until))
    response = messages.ReserveMemoryResponse(
        lease=granted.lease, vm_name=vm.name, destination_host=destination.side.name
    )
    ends, now = granted.lease.ends_since_boot, granted.moment.since_boot
    response.remaining.FromNanoseconds(max(ends.ToNanoseconds() - now.ToNanoseconds(), 0))
    return response


def release(
    request: messages.ReleaseMemoryRequest, destination: Side, until: float
) -> messages.ReleaseMemoryResponse:
    """End the lease that a VM has on the destination. Raises EngineError."""
    client = _agent_of(destination)
    vm_uuid = request.vm_uuid.lower()
    generation = request.generation
    if not request.HasField("generation"):
        listed = list_leases(destination, until).leases
        found = [each.generation for each in listed if each.vm_uuid == vm_uuid]
        if not found:
            return messages.ReleaseMemoryResponse(released=False)
        (generation,) = found
    asked = ReleaseRequest(vm_uuid=vm_uuid, generation=generation)
    answer = _asked(destination, lambda: client.release(asked, until))
    return messages.ReleaseMemoryResponse(released=answer.released)


def list_leases(host: Side, until: float) -> messages.ListHostLeasesResponse:
    """Return what a host has promised. Raises EngineError."""
    client = _agent_of(host)
    listed = _asked(host, lambda: client.list_leases(ListLeasesRequest(), until))
    return messages.ListHostLeasesResponse(leases=listed.leases)


def _agent_of(side: Side) -> AgentClient:
    if side.client is None:
        raise invalid(side.field, f"{side.name} is a snapshot; only an agent can promise memory")
    return side.client


def _asked(side: Side, ask: Callable[[], Result]) -> Result:
    try:
        return ask()
    except AgentError as error:
        # What the comparator itself may not is no fault of its caller's.
        code = error.code if error.code in _PASSED_ON else grpc.StatusCode.UNAVAILABLE
        cause = error.cause(side.name)
        raise EngineError(code, f"host {side.name}: {error}", cause=cause) from None
