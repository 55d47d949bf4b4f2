"""Which of QEMU's device types a guest's devices are made of."""

from collections.abc import Iterator

from vmfit.v1.vm_pb2 import OtherDevice, Vm
from vmfit_comparator.knowledge.qemu_arguments import device_models

DeviceNeed = tuple[str, tuple[str, ...]]
"""What people call the device, and the types of which QEMU must have one."""

_VIDEO = {
    "virtio": ("virtio-vga", "virtio-gpu-pci"),
    "qxl": ("qxl-vga", "qxl"),
    "vga": ("VGA",),
    "cirrus": ("cirrus-vga",),
    "bochs": ("bochs-display",),
    "ramfb": ("ramfb",),
}
# By element, its type where it has several, and model; no model is any of them.
_OTHER = {
    ("rng", "", "virtio"): "virtio-rng-pci",
    ("memballoon", "", "virtio"): "virtio-balloon-pci",
    ("crypto", "", "virtio"): "virtio-crypto-pci",
    ("vsock", "", "virtio"): "vhost-vsock-pci",
    ("iommu", "", "intel"): "intel-iommu",
    ("iommu", "", "virtio"): "virtio-iommu-pci",
    ("watchdog", "", "i6300esb"): "i6300esb",
    ("panic", "", "isa"): "pvpanic",
    ("sound", "", "ac97"): "AC97",
    ("sound", "", "ich6"): "intel-hda",
    ("sound", "", "ich9"): "ich9-intel-hda",
    ("shmem", "", "ivshmem-plain"): "ivshmem-plain",
    ("shmem", "", "ivshmem-doorbell"): "ivshmem-doorbell",
    ("controller", "scsi", "virtio-scsi"): "virtio-scsi-pci",
    ("controller", "scsi", "lsilogic"): "lsi53c895a",
    ("controller", "scsi", "lsisas1078"): "megasas",
    ("controller", "virtio-serial", ""): "virtio-serial-pci",
    ("controller", "usb", "ehci"): "usb-ehci",
    ("controller", "usb", "ich9-ehci1"): "ich9-usb-ehci1",
    ("controller", "usb", "ich9-uhci1"): "ich9-usb-uhci1",
    ("controller", "usb", "qemu-xhci"): "qemu-xhci",
    ("controller", "usb", "nec-xhci"): "nec-usb-xhci",
    ("controller", "usb", "piix3-uhci"): "piix3-usb-uhci",
}
# By bus and device.
_DISKS = {
    ("virtio", "disk"): "virtio-blk-pci",
    ("virtio", "lun"): "virtio-blk-pci",
    ("ide", "disk"): "ide-hd",
    ("ide", "cdrom"): "ide-cd",
    ("sata", "disk"): "ide-hd",
    ("sata", "cdrom"): "ide-cd",
    ("scsi", "disk"): "scsi-hd",
    ("scsi", "cdrom"): "scsi-cd",
    ("usb", "disk"): "usb-storage",
}
_NICS = {"virtio": "virtio-net-pci"} | {
    model: model for model in ("e1000", "e1000e", "igb", "rtl8139", "vmxnet3")
}
# By type and bus.
_INPUTS = {
    ("tablet", "usb"): "usb-tablet",
    ("mouse", "usb"): "usb-mouse",
    ("keyboard", "usb"): "usb-kbd",
    ("tablet", "virtio"): "virtio-tablet-pci",
    ("mouse", "virtio"): "virtio-mouse-pci",
    ("keyboard", "virtio"): "virtio-keyboard-pci",
}
_ISA_SERIAL = "isa-serial"
_MEMORY = {
    "dimm": "pc-dimm",
    "nvdimm": "nvdimm",
    "virtio-mem": "virtio-mem-pci",
    "virtio-pmem": "virtio-pmem-pci",
}


def device_needs(vm: Vm) -> Iterator[DeviceNeed]:
    """Yield what an x86 guest's devices are made of, as far as that is certain.

    Source: libvirt, src/qemu/qemu_command.c, by what its command lines name.
    """
    yield from _storage(vm)
    for nic in vm.nics:
        if nic.model in _NICS:
            yield f"{nic.model} NIC", (_NICS[nic.model],)
    for tpm in vm.tpms:
        if tpm.model in {"tpm-tis", "tpm-crb"}:
            yield tpm.model, (tpm.model,)
    for memory in vm.memory.devices:
        if memory.model in _MEMORY:
            yield f"{memory.model} memory", (_MEMORY[memory.model],)
    if any(device.type == "pci" for device in vm.host_devices):
        yield "assigned PCI device", ("vfio-pci",)
    yield from _others(vm)


def _storage(vm: Vm) -> Iterator[DeviceNeed]:
    for disk in vm.disks:
        type_ = _DISKS.get((disk.bus, disk.device))
        if type_ is not None and disk.source.type != "vhostuser":
            yield f"{disk.bus} {disk.device}", (type_,)
    for filesystem in vm.filesystems:
        virtiofs = filesystem.driver == "virtiofs"
        yield "shared directory", ("vhost-user-fs-pci" if virtiofs else "virtio-9p-pci",)


def _others(vm: Vm) -> Iterator[DeviceNeed]:
    if any(each.target_name == _ISA_SERIAL for each in vm.character_devices):
        yield "serial port", (_ISA_SERIAL,)
    for model in device_models(vm.qemu_arguments):
        yield f"{model} of the command line", (model,)
    for other in vm.other_devices:
        types = _other_types(other)
        if types:
            name = f"{other.bus} {other.type}" if other.kind == "input" else other.model
            yield f"{other.kind} {name}".strip(), types


def _other_types(device: OtherDevice) -> tuple[str, ...]:
    if device.kind == "video":
        return _VIDEO.get(device.model, ())
    if device.kind == "input" and not device.model:
        found = _INPUTS.get((device.type, device.bus))
        return (found,) if found else ()
    kind = device.type if device.kind == "controller" else ""
    found = _OTHER.get((device.kind, kind, device.model)) or _OTHER.get((device.kind, kind, ""))
    return (found,) if found else ()
