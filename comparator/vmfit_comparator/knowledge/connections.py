"""Which of a host's libvirt connections concerns a VM."""

from vmfit.v1.hypervisor_pb2 import HypervisorConnection
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.evaluation.reads import chooses, reads

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


def _connection(vm: Vm, snapshot: Snapshot) -> HypervisorConnection | None:
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


def on_connections(side: str, *fields: str) -> tuple[str, ...]:
    """Return the paths of fields of all connections of "source" or "destination"."""
    return tuple(f"{side}.hypervisor.connections.{each}" for each in fields)


_VM = ("vm.domain_type", "vm.connection_uri")
_CHOICE = ("driver", "error", "uri")


@chooses(*_VM, *on_connections("source", *_CHOICE))
@once
def source_connection(case: Case) -> HypervisorConnection | None:
    """Return the source's connection that runs the VM; None without one."""
    return _connection(case.vm, case.source)


@chooses(*_VM, *on_connections("destination", *_CHOICE))
@once
def destination_connection(case: Case) -> HypervisorConnection | None:
    """Return the destination's connection that would run the VM; None if none could."""
    return _connection(case.vm, case.destination)


@reads(*on_connections("source", "libvirt_version"))
def source_libvirt_version(case: Case) -> int:
    """Return the version of the source's libvirt; 0 when it is not known."""
    connection = source_connection(case)
    return connection.libvirt_version if connection is not None else 0


@reads(*on_connections("destination", "libvirt_version"))
def destination_libvirt_version(case: Case) -> int:
    """Return the version of the destination's libvirt; 0 when it is not known."""
    connection = destination_connection(case)
    return connection.libvirt_version if connection is not None else 0


@reads(*on_connections("source", "hypervisor_version"))
def source_hypervisor_version(case: Case) -> int:
    """Return the version of the hypervisor that the guest runs on; 0 when it is not known."""
    connection = source_connection(case)
    return connection.hypervisor_version if connection is not None else 0


@reads(*on_connections("destination", "hypervisor_version"))
def destination_hypervisor_version(case: Case) -> int:
    """Return the version of the destination's hypervisor; 0 when it is not known."""
    connection = destination_connection(case)
    return connection.hypervisor_version if connection is not None else 0


@reads(*on_connections("destination", "uri"))
def runs_in_session(case: Case) -> bool:
    """Tell whether a user's own libvirt would run the VM there, by the connection's URI."""
    connection = destination_connection(case)
    uri = connection.uri if connection is not None else case.vm.connection_uri
    return uri.partition("?")[0].endswith("/session")


@reads(*on_connections("destination", "uri", "error"))
def connection_errors(case: Case) -> dict[str, str]:
    """Return why the destination's connections could not be asked, by URI."""
    connections = case.destination.hypervisor.connections
    return {each.uri: each.error for each in connections if each.error}
