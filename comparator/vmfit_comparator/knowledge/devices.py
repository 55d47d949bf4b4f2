"""The guest's devices other than disks and NICs, one by one, by names that people know."""

from collections import Counter
from collections.abc import Iterable, Iterator

from vmfit.v1.vm_pb2 import (
    CharacterDevice,
    Filesystem,
    Graphics,
    HostDevice,
    MemoryDevice,
    Nic,
    OtherDevice,
    Tpm,
)
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.subjects import subjects


@subjects("device")
@chooses("incoming.other_devices")
def devices(case: Case) -> Iterator[tuple[str, OtherDevice]]:
    """Yield what the destination gets without a list of its own: videos, RNGs, watchdogs."""
    return _by_kind(case.incoming.other_devices)


@subjects("device")
@chooses("vm.other_devices")
def source_devices(case: Case) -> Iterator[tuple[str, OtherDevice]]:
    """Yield what the guest has without a list of its own."""
    return _by_kind(case.vm.other_devices)


def _by_kind(every: Iterable[OtherDevice]) -> Iterator[tuple[str, OtherDevice]]:
    """Yield "rng", or "video 1" and "video 2" where there are several."""
    counts = Counter(each.kind for each in every)
    places: Counter[str] = Counter()
    for each in every:
        places[each.kind] += 1
        yield each.kind if counts[each.kind] == 1 else f"{each.kind} {places[each.kind]}", each


@subjects("NIC")
@chooses("vm.nics")
def source_nics(case: Case) -> Iterator[tuple[str, Nic]]:
    """Yield the NICs that the guest has, by their MACs."""
    return ((each.mac, each) for each in case.vm.nics)


@subjects("memory device")
@chooses("incoming.memory.devices")
def memory_devices(case: Case) -> Iterator[tuple[str, MemoryDevice]]:
    """Yield the memory devices that the destination gets, by the files that they lie in."""
    return ((each.source.path, each) for each in case.incoming.memory.devices)


@subjects("memory device")
@chooses("vm.memory.devices")
def source_memory_devices(case: Case) -> Iterator[tuple[str, MemoryDevice]]:
    """Yield the memory devices that the guest has, by the files that they lie in."""
    return ((each.source.path, each) for each in case.vm.memory.devices)


@subjects("passed-through device")
@chooses("incoming.host_devices")
def host_devices(case: Case) -> Iterator[tuple[str, HostDevice]]:
    """Yield the devices of the host's that the destination is to pass through."""
    return ((host_device_name(each), each) for each in case.incoming.host_devices)


@subjects("passed-through device")
@chooses("vm.host_devices")
def source_host_devices(case: Case) -> Iterator[tuple[str, HostDevice]]:
    """Yield the devices of the source's that the guest has."""
    return ((host_device_name(each), each) for each in case.vm.host_devices)


def host_device_name(device: HostDevice) -> str:
    """Return what people call a passed-through device: "pci 0000:01:00.0", "usb 046d:c52b"."""
    ids = f"{device.vendor_id}:{device.product_id}" if device.vendor_id else ""
    place = device.pci_address or ids or device.mdev_uuid or device.scsi_address
    place = place or f"{device.usb_bus_number}-{device.usb_device_number}"
    return f"{device.type} {place}"


@subjects("shared directory")
@chooses("incoming.filesystems")
def filesystems(case: Case) -> Iterator[tuple[str, Filesystem]]:
    """Yield the directories that the destination is to share, by the tags that the guest mounts."""
    return ((each.target, each) for each in case.incoming.filesystems)


@subjects("TPM")
@chooses("incoming.tpms")
def tpms(case: Case) -> Iterator[tuple[str, Tpm]]:
    """Yield the TPMs that the destination is to emulate or to pass through."""
    for number, each in enumerate(case.incoming.tpms):
        yield f"{each.model or 'tpm'} {number}", each


@subjects("character device")
@chooses("incoming.character_devices")
def character_devices(case: Case) -> Iterator[tuple[str, CharacterDevice]]:
    """Yield serial ports, consoles and channels that the destination is to open."""
    for number, each in enumerate(case.incoming.character_devices):
        yield f"{each.kind} {each.target_name or number}", each


@subjects("display")
@chooses("incoming.graphics")
def displays(case: Case) -> Iterator[tuple[str, Graphics]]:
    """Yield the displays that the destination is to open."""
    for number, each in enumerate(case.incoming.graphics):
        yield f"{each.type} {number}", each
