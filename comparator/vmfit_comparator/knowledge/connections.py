"""Which of a host's libvirt connections, and which of its domain capabilities, concern a VM."""

from collections.abc import Iterator, Mapping

from vmfit.v1.hypervisor_pb2 import (
    DomainCapabilities,
    GuestArch,
    HypervisorConnection,
    MachineType,
)
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.remembered import remembered

# libvirt's driver (virConnectGetType) that runs domains of a type, in lower case.
_DRIVERS = {
    "kvm": "qemu",
    "qemu": "qemu",
    "hvf": "qemu",
    "xen": "xen",
    "lxc": "lxc",
    "bhyve": "bhyve",
    "test": "test",
    "openvz": "openvz",
    "vz": "parallels",
    "vmware": "esx",
    "hyperv": "hyper-v",
}


def driver_for(domain_type: str) -> str:
    """Return the libvirt driver's name, in lower case, that runs domains of this type."""
    return _DRIVERS.get(domain_type, domain_type)


KVM_DEVICE = "/dev/kvm"
"""What QEMU itself opens to run a guest of KVM."""


def runs_on_qemu(vm: Vm) -> bool:
    """Tell whether libvirt's QEMU driver runs the VM."""
    return _driver(vm) == "qemu"


def _driver(vm: Vm) -> str:
    return "ch" if vm.connection_uri.startswith("ch:") else driver_for(vm.domain_type)


@remembered
def connection_for(vm: Vm, snapshot: Snapshot) -> HypervisorConnection | None:
    """Return the connection that would run the VM there; None if no connection could.

    Cloud Hypervisor runs domains of type kvm, like QEMU: the VM's own URI tells them apart.

    Among several of the right driver the one with the VM's own URI wins, then a system one, then
    the first.
    """
    driver = _driver(vm)
    found = [
        each
        for each in snapshot.hypervisor.connections
        if not each.error and each.driver.lower() == driver
    ]
    if len(found) <= 1:
        return found[0] if found else None
    for each in found:
        if each.uri == vm.connection_uri:
            return each
    return next((each for each in found if each.uri.endswith("/system")), found[0])


def runs_in_session(vm: Vm, snapshot: Snapshot) -> bool:
    """Tell whether a user's own libvirt would run the VM there, by the connection's URI."""
    connection = connection_for(vm, snapshot)
    uri = connection.uri if connection is not None else vm.connection_uri
    return uri.partition("?")[0].endswith("/session")


def guest_archs_for(vm: Vm, connection: HypervisorConnection) -> Iterator[GuestArch]:
    """Yield the entries for the VM's OS type and architecture: none, or one."""
    architecture, os_type = vm.architecture, vm.os_type
    for each in connection.guest_archs:
        if each.architecture == architecture and each.os_type == os_type:
            yield each


@remembered
def machine_types_for(vm: Vm, connection: HypervisorConnection) -> Mapping[str, MachineType]:
    """Return the machine types for the VM's OS type and architecture, aliases too, by name."""
    return {
        machine.name: machine
        for arch in guest_archs_for(vm, connection)
        for machine in arch.machine_types
    }


@remembered
def canonical_machine(vm: Vm, connection: HypervisorConnection) -> str:
    """Return the VM's machine type with an alias resolved as this host's hypervisor does it.

    A name that this host does not know is returned as it is; empty when the VM has none.
    """
    found = machine_types_for(vm, connection).get(vm.machine_type)
    return found.canonical or found.name if found is not None else vm.machine_type


@remembered
def domain_capabilities_for(vm: Vm, snapshot: Snapshot) -> DomainCapabilities | None:
    """Return the domain capabilities nearest to the VM's needs; None when there are none.

    Domain type and architecture always agree. The VM's own emulator is preferred, then the
    host's default one; the VM's machine type is preferred, then any: what the CPU can give does
    not depend on it, whoever needs more compares `machine_type`.
    """
    connection = connection_for(vm, snapshot)
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
    emulator, machine = vm.emulator.path, canonical_machine(vm, connection)
    defaults = {arch.emulator_path for arch in guest_archs_for(vm, connection)}
    return max(
        fitting,
        key=lambda each: (
            each.emulator_path == emulator,
            each.emulator_path in defaults,
            each.machine_type == machine,
        ),
    )


def connection_errors(snapshot: Snapshot) -> dict[str, str]:
    """Return why connections could not be asked, by URI."""
    return {each.uri: each.error for each in snapshot.hypervisor.connections if each.error}
