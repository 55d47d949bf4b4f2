"""Is the guest free of devices that never migrate?"""

from collections.abc import Iterator

from vmfit.v1.vm_pb2 import Disk, MemoryDevice, Nic, OtherDevice
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, detach
from vmfit_comparator.evaluation.result import Result, all_of, no, probably_no, yes
from vmfit_comparator.knowledge.devices import source_devices, source_memory_devices, source_nics
from vmfit_comparator.knowledge.disk_kinds import source_disks

# Formats whose drivers in QEMU block migration while an image is open.
_FORMATS = frozenset(("vmdk", "vdi", "vpc", "vhdx", "qcow"))


_UNMIGRATABLE = frozenset((("sound", "virtio"), ("crypto", "virtio")))


Device = Disk | Nic | MemoryDevice | OtherDevice


@fact(each=(source_disks, source_memory_devices, source_nics, source_devices))
def blockers(device: Device, _: Case) -> Result:
    """Look for devices that libvirt refuses to migrate, or whose state QEMU cannot carry.

    NO: transient disks, images of formats vmdk, vdi, vpc, vhdx and qcow, emulated NVMe controllers,
    virtio-pmem, virtio sound, crypto and passed-through input, displays with 3D acceleration, and
    shared memory of model ivshmem or other than of role='master'. Displays in a process of their
    own (vhost-user) and vDPA NICs (only a shadowed queue moves) are PROBABLY_NO. None of them is
    YES; what QEMU itself lists as blocked is not asked for.

    Source: libvirt qemuMigrationSrcIsAllowed; QEMU's unmigratable device states and its migration
    blockers (virgl, vhost without VHOST_F_LOG_ALL).
    """
    found: list[Result] = []
    if isinstance(device, Disk):
        found = list(_disk_blockers(device))
    elif isinstance(device, Nic) and device.type == "vdpa":
        text = "QEMU migrates vDPA only with a shadowed queue"
        found = [probably_no(text, remedies=[detach(f"NIC {device.mac}".strip())])]
    elif isinstance(device, MemoryDevice) and device.model == "virtio-pmem":
        text = "QEMU migrates no virtio-pmem device"
        found = [no(text, remedies=[detach("virtio-pmem")])]
    elif isinstance(device, OtherDevice):
        found = [each for each in [_other_blocker(device)] if each is not None]
    return all_of(*found) if found else yes("nothing about it keeps the guest from migrating")


def _disk_blockers(disk: Disk) -> Iterator[Result]:
    remedies = [detach(disk.target)]
    if disk.transient:
        yield no("libvirt migrates no transient disk", remedies=remedies)
    if disk.bus == "nvme":
        yield no("QEMU migrates no emulated NVMe disk", remedies=remedies)
    formats = {each.format for each in (disk.source, *disk.backing_chain)} & _FORMATS
    if formats:
        text = f"QEMU migrates no guest that has a {min(formats)} image open"
        summary = f"Convert the image of {disk.target} to qcow2 (virsh blockcopy --format)"
        remedy = change_definition(summary, "disk/driver/@type", "qcow2")
        yield no(text, remedies=[remedy, *remedies])


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
