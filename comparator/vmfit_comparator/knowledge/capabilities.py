"""What a connection tells of its guests: architectures, machine types, domain capabilities."""

from collections.abc import Iterable, Iterator, Mapping

from vmfit.v1.hypervisor_pb2 import (
    DomainCapabilities,
    GuestArch,
    HypervisorConnection,
    MachineType,
)
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.evaluation.reads import chooses, reads
from vmfit_comparator.knowledge.connections import (
    destination_connection,
    on_connections,
    source_connection,
)

_ARCHITECTURE = ("vm.architecture", "vm.os_type")
_ARCHITECTURES = ("guest_archs.architecture", "guest_archs.os_type")
_MACHINES = ("guest_archs.machine_types.name", "guest_archs.machine_types.canonical")
_CAPABILITIES = (
    *("domain_capabilities.domain_type", "domain_capabilities.architecture"),
    *("domain_capabilities.emulator_path", "domain_capabilities.machine_type"),
    *("guest_archs.emulator_path", *_ARCHITECTURES, *_MACHINES),
)
_OF_CAPABILITIES = (*_ARCHITECTURE, "vm.emulator.path", "vm.machine_type")


def guest_archs_for(vm: Vm, connection: HypervisorConnection) -> Iterator[GuestArch]:
    """Yield the entries for the VM's OS type and architecture: none, or one."""
    architecture, os_type = vm.architecture, vm.os_type
    for each in connection.guest_archs:
        if each.architecture == architecture and each.os_type == os_type:
            yield each


def canonical_machine(name: str, machines: Mapping[str, MachineType]) -> str:
    """Return a machine type with an alias resolved as a host's hypervisor does it.

    A name that the host does not know is returned as it is.
    """
    found = machines.get(name)
    return found.canonical or found.name if found is not None else name


def _capabilities(vm: Vm, connection: HypervisorConnection | None) -> DomainCapabilities | None:
    """Return a connection's domain capabilities nearest to the VM's needs; None without any.

    Domain type and architecture always agree. The VM's own emulator is preferred, then the
    host's default one; the VM's machine type is preferred, then any: what the CPU can give does
    not depend on it, whoever needs more compares `machine_type`.
    """
    if connection is None:
        return None
    domain_type, architecture = vm.domain_type, vm.architecture
    fitting = [
        each
        for each in connection.domain_capabilities
        if each.domain_type == domain_type and each.architecture == architecture
    ]
    if len(fitting) <= 1:
        return fitting[0] if fitting else None
    archs = list(guest_archs_for(vm, connection))
    emulator, machine = vm.emulator.path, canonical_machine(vm.machine_type, _by_name(archs))
    defaults = {arch.emulator_path for arch in archs}
    return max(
        fitting,
        key=lambda each: (
            each.emulator_path == emulator,
            each.emulator_path in defaults,
            each.machine_type == machine,
        ),
    )


@chooses(*_OF_CAPABILITIES, *on_connections("source", *_CAPABILITIES))
@once
def source_capabilities(case: Case) -> DomainCapabilities | None:
    """Return the source's domain capabilities nearest to the VM's needs; None without any."""
    return _capabilities(case.vm, source_connection(case))


@chooses(*_OF_CAPABILITIES, *on_connections("destination", *_CAPABILITIES))
@once
def destination_capabilities(case: Case) -> DomainCapabilities | None:
    """Return the destination's domain capabilities nearest to the VM's needs; None without any."""
    return _capabilities(case.vm, destination_connection(case))


@chooses(
    *_ARCHITECTURE, *on_connections("destination", *_ARCHITECTURES, "guest_archs.emulator_path")
)
@once
def destination_guest_archs(case: Case) -> list[GuestArch]:
    """Return what the destination runs guests of the VM's OS type and architecture with."""
    connection = destination_connection(case)
    return [*guest_archs_for(case.vm, connection)] if connection is not None else []


@chooses(*on_connections("destination", *_MACHINES))
@once
def destination_machines(case: Case) -> Mapping[str, MachineType]:
    """Return the destination's machine types for the VM's architecture, aliases too, by name."""
    return _by_name(destination_guest_archs(case))


@reads("vm.machine_type")
@once
def destination_machine(case: Case) -> str:
    """Return the machine type as the destination resolves it."""
    return canonical_machine(case.vm.machine_type, destination_machines(case))


@reads("vm.machine_type")
@chooses(*_ARCHITECTURE, *on_connections("source", *_ARCHITECTURES, *_MACHINES))
@once
def source_machine(case: Case) -> str:
    """Return the machine type as the source, where the guest runs, resolves it."""
    connection = source_connection(case)
    machines = guest_archs_for(case.vm, connection) if connection is not None else ()
    return canonical_machine(case.vm.machine_type, _by_name(machines))


def _by_name(archs: Iterable[GuestArch]) -> Mapping[str, MachineType]:
    return {machine.name: machine for arch in archs for machine in arch.machine_types}
