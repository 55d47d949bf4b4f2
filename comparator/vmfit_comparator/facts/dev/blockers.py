"""Is the guest free of devices that never migrate?"""

from vmfit.v1.vm_pb2 import OtherDevice, Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, detach
from vmfit_comparator.evaluation.result import Result, no, probably_no, yes
from vmfit_comparator.knowledge.disks import joined

# Formats whose drivers in QEMU block migration while an image is open.
_FORMATS = frozenset(("vmdk", "vdi", "vpc", "vhdx", "qcow"))


_UNMIGRATABLE = frozenset((("sound", "virtio"), ("crypto", "virtio")))


@fact(needs=("vm.name",), reads=("vm.disks", "vm.nics", "vm.other_devices", "vm.memory.devices"))
def blockers(case: Case) -> Result:
    """Look for devices that libvirt refuses to migrate, or whose state QEMU cannot carry.

    NO: transient disks, images of formats vmdk, vdi, vpc, vhdx and qcow, emulated NVMe controllers,
    virtio-pmem, virtio sound, crypto and passed-through input, displays with 3D acceleration, and
    shared memory of model ivshmem or other than of role='master'. Displays in a process of their
    own (vhost-user) and vDPA NICs (only a shadowed queue moves) are PROBABLY_NO. None of them is
    YES; what QEMU itself lists as blocked is not asked for.

    Source: libvirt qemuMigrationSrcIsAllowed; QEMU's unmigratable device states and its migration
    blockers (virgl, vhost without VHOST_F_LOG_ALL).
    """
    found = {**_storage_blockers(case.vm), **_other_blockers(case.vm)}
    return joined(found, "") if found else yes(f"{case.vm.name} has no such device")


def _storage_blockers(vm: Vm) -> dict[str, Result]:
    found: dict[str, Result] = {}
    for disk in vm.disks:
        remedies = [detach(disk.target)]
        if disk.transient:
            found[disk.target] = no("libvirt migrates no transient disk", remedies=remedies)
        elif disk.bus == "nvme":
            found[disk.target] = no("QEMU migrates no emulated NVMe disk", remedies=remedies)
        formats = {each.format for each in (disk.source, *disk.backing_chain)} & _FORMATS
        if formats:
            text = f"QEMU migrates no guest that has a {min(formats)} image open"
            summary = f"Convert the image of {disk.target} to qcow2 (virsh blockcopy --format)"
            remedy = change_definition(summary, "disk/driver/@type", "qcow2")
            found[disk.target] = no(text, remedies=[remedy, *remedies])
    if any(memory.model == "virtio-pmem" for memory in vm.memory.devices):
        remedies = [detach("virtio-pmem")]
        found["memory"] = no("QEMU migrates no virtio-pmem device", remedies=remedies)
    return found


def _other_blockers(vm: Vm) -> dict[str, Result]:
    found: dict[str, Result] = {}
    for nic in vm.nics:
        if nic.type == "vdpa":
            found[nic.mac] = probably_no(
                "QEMU migrates vDPA only with a shadowed queue", remedies=[detach(f"NIC {nic.mac}")]
            )
    for device in vm.other_devices:
        outcome = _other_blocker(device)
        if outcome is not None:
            found[device.kind] = outcome
    return found


def _other_blocker(device: OtherDevice) -> Result | None:
    remedies = [detach(device.kind)]
    if device.kind == "shmem" and device.model == "ivshmem":
        return no("libvirt migrates no shared memory of the old model ivshmem", remedies=remedies)
    if device.kind == "shmem" and device.role != "master":
        return no("libvirt migrates shared memory of role 'master' only", remedies=remedies)
    if device.kind == "video" and device.accelerated_3d:
        summary = "Start the guest without 3D acceleration"
        remedy = change_definition(summary, "video/model/acceleration/@accel3d", "no")
        return no("QEMU migrates no display with 3D acceleration", remedies=[remedy])
    if device.kind == "video" and device.driver_name == "vhostuser":
        text = "QEMU migrates a vhost-user display only if its process logs what it writes"
        return probably_no(text, remedies=remedies)
    if (device.kind, device.model) in _UNMIGRATABLE:
        return no(f"QEMU migrates no virtio {device.kind} device", remedies=remedies)
    if device.kind == "input" and device.type == "passthrough":
        return no("QEMU migrates no passed-through input device", remedies=remedies)
    return None
