"""What an emulator's program tells without being started: device types that it cannot have.

libvirt asks QEMU for a few types alone and reports a model when any of its variants is there; a
program that lacks the very one a guest needs is found out when the guest comes.
"""

import functools
import os
import struct
from collections.abc import Iterable, Iterator

from vmfit.v1.hypervisor_pb2 import Emulator
from vmfit_agent.host import Host

# Types that libvirt's definitions of x86 and Arm guests turn into, as QEMU calls them; in the order
# of QEMU's own sources, so that most are found right behind the one before.
DEVICE_TYPES = (
    "tpm-tis", "tpm-crb", "nvdimm", "vmgenid", "pc-dimm", "AC97", "ich9-intel-hda", "intel-hda",
    "isa-serial", "virtio-scsi-pci", "usb-mouse", "usb-kbd", "virtio-blk-pci", "virtio-balloon-pci",
    "virtio-serial-pci", "virtio-9p-pci", "virtio-rng-pci", "e1000", "vmxnet3", "intel-iommu",
    "cirrus-vga", "qxl-vga", "usb-tablet", "bochs-display", "igb", "pvpanic", "e1000e", "ramfb",
    "VGA", "ide-cd", "ide-hd", "ivshmem-doorbell", "ivshmem-plain", "rtl8139", "virtio-net-pci",
    "scsi-cd", "scsi-hd", "lsi53c895a", "megasas", "piix3-usb-uhci", "ich9-usb-uhci1", "usb-ehci",
    "ich9-usb-ehci1", "nec-usb-xhci", "qemu-xhci", "usb-storage", "i6300esb", "virtio-iommu-pci",
    "virtio-keyboard-pci", "virtio-mouse-pci", "virtio-tablet-pci", "vfio-pci", "vhost-vsock-pci",
    "vhost-user-fs-pci", "virtio-crypto-pci", "virtio-pmem-pci", "virtio-mem-pci", "qxl",
    "virtio-gpu-pci", "virtio-vga",
)  # fmt: skip
# Every QEMU has this command; what only starts the real program has not.
_SIGN_OF_QEMU = b"qom-list-types\0"
_MAXIMUM_BYTES = 64 << 20
# From elf.h: the header of a 64-bit little-endian program, and one of a section.
_IDENTITY = b"\x7fELF\x02\x01"
_HEADER = struct.Struct("<40xQ10xHHH")
_SECTION = struct.Struct("<IIQ8xQQ")
_SECTION_HEADER_BYTES = 64
# Large, constant, and without a text.
_UNWINDING = b".eh_frame"
_PROGRAM_DATA = 1
_ALLOCATED, _WRITABLE_OR_CODE = 0x2, 0x5


def read_emulator(host: Host, path: str) -> Emulator | None:
    """Return what the program lacks; None when it is not QEMU's or cannot be read.

    A type has its name somewhere in the read-only data, or else cannot be registered; the names
    of types in loadable modules are there too. Source: elf(5); QEMU, docs/devel/qom.rst.
    """
    place = f"{host.root}/{path.lstrip('/')}"
    try:
        status = os.stat(place)  # noqa: PTH116 -- a key, not a path
        absent = _absent_types(place, status.st_ino, status.st_size, status.st_ctime_ns)
    except (OSError, struct.error):
        return None
    return Emulator(path=path, absent_device_types=absent) if absent is not None else None


# A program changes only when it is replaced.
@functools.lru_cache(maxsize=16)
def _absent_types(path: str, *_identity: int) -> tuple[str, ...] | None:
    with open(path, "rb", buffering=0) as program:  # noqa: PTH123 -- a plain read
        sections = sorted(_constants(program.fileno()), key=len, reverse=True)
    if not any(_SIGN_OF_QEMU in section for section in sections):
        return None
    missing: Iterable[str] = DEVICE_TYPES
    for section in sections:
        missing = list(_missing(section, missing))
    return tuple(sorted(missing))


def _missing(section: bytes, names: Iterable[str]) -> Iterator[str]:
    place = 0
    for name in names:
        text = name.encode() + b"\0"
        found = section.find(text, place)
        if found < 0:
            found = section.find(text, 0, place)
        if found < 0:
            yield name
        else:
            place = found


def _constants(descriptor: int) -> Iterator[bytes]:
    """Yield the sections of constants."""
    header = os.pread(descriptor, _SECTION_HEADER_BYTES, 0)
    if not header.startswith(_IDENTITY):
        return
    offset, entry_bytes, count, names_index = _HEADER.unpack_from(header)
    if entry_bytes != _SECTION_HEADER_BYTES or names_index >= count:
        return
    table = os.pread(descriptor, entry_bytes * count, offset)
    _, _, _, start, length = _SECTION.unpack_from(table, names_index * entry_bytes)
    names = os.pread(descriptor, min(length, _MAXIMUM_BYTES), start)
    for index in range(count):
        name, kind, flags, start, length = _SECTION.unpack_from(table, index * entry_bytes)
        constant = flags & _ALLOCATED and not flags & _WRITABLE_OR_CODE
        has_text = not names.startswith(_UNWINDING, name)
        if kind == _PROGRAM_DATA and constant and has_text and length <= _MAXIMUM_BYTES:
            yield os.pread(descriptor, length, start)
