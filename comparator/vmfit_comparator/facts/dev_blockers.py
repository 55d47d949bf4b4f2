"""Facts about devices that libvirt or QEMU never migrate."""

from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import Outcome, no, probably_no, yes
from vmfit_comparator.evaluation.remedies import detach
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.disks import joined


@fact(
    "dev.blockers",
    question="Is the guest free of devices that never migrate?",
    reads=("vm.name",),
    also_reads=("vm.disks", "vm.nics", "vm.other_devices", "vm.memory.devices"),
)
@unless_offline
def blockers(migration: Migration) -> Outcome:
    """Look for devices that libvirt refuses to migrate, or whose state QEMU cannot carry.

    Transient disks, emulated NVMe controllers, virtio-pmem and virtio sound are NO. Shared memory
    (only role='master' moves) and vDPA NICs (only with a shadowed queue) are PROBABLY_NO. None of
    them is YES; what QEMU itself lists as blocked is not asked for.

    Source: libvirt's qemu driver (transient disks, shmem); QEMU's device states.
    """
    found = {**_storage_blockers(migration.vm), **_other_blockers(migration.vm)}
    return joined(found, "") if found else yes(f"{migration.vm.name} has no such device")


def _storage_blockers(vm: Vm) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for disk in vm.disks:
        remedies = [detach(disk.target)]
        if disk.transient:
            found[disk.target] = no("libvirt migrates no transient disk", remedies=remedies)
        elif disk.bus == "nvme":
            found[disk.target] = no("QEMU migrates no emulated NVMe disk", remedies=remedies)
    if any(memory.model == "virtio-pmem" for memory in vm.memory.devices):
        remedies = [detach("virtio-pmem")]
        found["memory"] = no("QEMU migrates no virtio-pmem device", remedies=remedies)
    return found


def _other_blockers(vm: Vm) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    for nic in vm.nics:
        if nic.type == "vdpa":
            found[nic.mac] = probably_no(
                "QEMU migrates vDPA only with a shadowed queue", remedies=[detach(f"NIC {nic.mac}")]
            )
    for device in vm.other_devices:
        remedies = [detach(device.kind)]
        if device.kind == "shmem":
            found["shmem"] = probably_no(
                "libvirt migrates shared memory of role 'master' only", remedies=remedies
            )
        elif device.kind == "sound" and device.model == "virtio":
            found["sound"] = no("QEMU migrates no virtio sound device", remedies=remedies)
    return found


FACTS = (blockers,)
