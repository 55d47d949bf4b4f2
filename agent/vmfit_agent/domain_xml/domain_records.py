"""Turns what libvirt reports of a domain into a Vm: the XML, and its state around it."""

from vmfit.v1.vm_pb2 import BlockJob, Jobs, Vm, VmState
from vmfit_agent.domain_xml.remembered import libvirts_vm
from vmfit_agent.host import DomainRecord

# virDomainState and VmState have the same numbers.
_STATES = frozenset(VmState.values())
# Of the same name in both.
_NUMBERS = (
    "snapshot_count",
    "checkpoint_count",
    "dirty_rate_bytes_per_second",
    "dirty_rate_period_seconds",
    "migration_limit_bytes_per_second",
)


def vm_of_record(record: DomainRecord) -> Vm:
    """Return the domain as libvirt reports it; paths are named only, the CPU is not expanded.

    Raises UnusableDefinition.
    """
    vm = libvirts_vm(record.xml)
    vm.connection_uri = record.uri
    if record.state in _STATES and record.state:
        vm.state = VmState.ValueType(record.state)
    vm.state_reason = record.state_reason
    if record.persistent is not None:
        vm.persistent = record.persistent
    if record.jobs_known:
        jobs = [BlockJob(disk=disk, type=kind) for disk, kind in record.block_jobs]
        vm.jobs.CopyFrom(Jobs(active=record.active_job, block_jobs=jobs))
    for field in _NUMBERS:
        number = getattr(record, field)
        if number is not None:
            setattr(vm, field, number)
    if record.resident_bytes is not None:
        vm.memory.resident_bytes = record.resident_bytes
    if record.inactive_xml is not None:
        definition = libvirts_vm(record.inactive_xml)
        vm.pending_configuration = _fingerprint(vm) != _fingerprint(definition)
        forget_chosen_addresses(vm, definition)
    return vm


def forget_chosen_addresses(vm: Vm, definition: Vm) -> None:
    """Clear addresses of displays that the host chose: the definition leaves them open.

    Another host chooses its own, so that they say nothing of what the VM needs.
    """
    if [display.type for display in vm.graphics] != [one.type for one in definition.graphics]:
        return
    for display, defined in zip(vm.graphics, definition.graphics, strict=True):
        for listen, wanted in zip(display.listens, defined.listens, strict=False):
            if listen.type == wanted.type == "address" and not wanted.address:
                listen.ClearField("address")


def _fingerprint(vm: Vm) -> tuple[object, ...]:
    """Return what a restart would change, of what live XML and definition spell alike.

    What libvirt fills in at start (aliases, taps, labels, ports, the expanded CPU) is left out.
    """
    return (
        vm.domain_type,
        vm.machine_type,
        vm.emulator.path,
        vm.firmware.loader.path,
        vm.kernel.path,
        vm.vcpus.maximum_count,
        vm.memory.maximum_bytes,
        vm.memory.hotplug_maximum_bytes,
        vm.memory.uses_huge_pages,
        vm.cpu.topology.SerializeToString(deterministic=True),
        [cell.SerializeToString(deterministic=True) for cell in vm.numa.cells],
        sorted(
            (disk.target, disk.device, disk.bus, disk.source.type, disk.source.path.path)
            for disk in vm.disks
        ),
        sorted((nic.mac, nic.model) for nic in vm.nics),
        sorted(
            (device.type, device.pci_address, device.mdev_uuid, device.vendor_id)
            for device in vm.host_devices
        ),
        sorted((tpm.model, tpm.backend, tpm.device.path) for tpm in vm.tpms),
        sorted((shared.target, shared.source.path) for shared in vm.filesystems),
        sorted(f"{device.kind} {device.type} {device.model}" for device in vm.other_devices),
    )
