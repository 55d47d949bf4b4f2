"""Do the guest's ROMs take the same room on the destination?"""

from collections.abc import Iterator

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Nic, OtherDevice, Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.remedies import change_definition, provide_storage, upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.device_paths import existing
from vmfit_comparator.knowledge.devices import devices
from vmfit_comparator.knowledge.machine_names import is_of_distribution
from vmfit_comparator.knowledge.nics import NicPair, nics

# What QEMU loads for a PCI device by its model when the definition names no file.
_NIC_ROMS = {
    "virtio": "efi-virtio.rom",
    "virtio-transitional": "efi-virtio.rom",
    "virtio-non-transitional": "efi-virtio.rom",
    "e1000": "efi-e1000.rom",
    "e1000e": "efi-e1000e.rom",
    "ne2k_pci": "efi-ne2k_pci.rom",
    "pcnet": "efi-pcnet.rom",
    "rtl8139": "efi-rtl8139.rom",
    "vmxnet3": "efi-vmxnet3.rom",
    "i82550": "efi-eepro100.rom",
    "i82557b": "efi-eepro100.rom",
    "i82559er": "efi-eepro100.rom",
}


_VIDEO_ROMS = {
    "vga": "vgabios-stdvga.bin",
    "cirrus": "vgabios-cirrus.bin",
    "qxl": "vgabios-qxl.bin",
    "vmvga": "vgabios-vmware.bin",
    "virtio": "vgabios-virtio.bin",
}


# Versioned, canonical or of RHEL: "pc-q35-7.2", "pc", "q35", "pc-i440fx-rhel7.6.0".
_PCS = ("pc", "q35")


@subjects("BIOS")
@reads("incoming.firmware", "incoming.domain_type", "incoming.machine_type")
def bios(case: Case) -> Iterator[tuple[str, str]]:
    """Yield the file that QEMU gives to a guest without firmware of its own."""
    vm = case.incoming
    own = vm.firmware.loader.path or vm.firmware.auto_type == "efi"
    if vm.domain_type in ("qemu", "kvm") and vm.machine_type.startswith(_PCS) and not own:
        yield "BIOS", "bios-256k.bin"


@fact(
    each=(bios, nics, devices),
    reads=(
        *("incoming.architecture", "incoming.domain_type", "incoming.machine_type"),
        *("source.hypervisor.rom_files", "destination.hypervisor.rom_files"),
    ),
)
def option_rom(subject: str | NicPair | OtherDevice, case: Case) -> Result | None:
    """Compare the ROMs of NICs and video cards, and the BIOS: files named, or QEMU's own by model.

    A ROM is memory of the guest: when its size, rounded up to a power of two, differs, QEMU
    refuses the guest's memory: NO; of QEMU's own files NO_IDEA where the machine type is the
    distribution's, which gives old machine types ROMs of the old size. A missing file is NO as
    well, a named one that nobody looked for NO_IDEA; without both sizes a named file is
    PROBABLY_YES. One of QEMU's own that only the source has is PROBABLY_NO where the destination
    keeps others at the source's places, else it is not judged.

    Source: QEMU's pci_add_option_rom; stat(2) on both hosts.
    """
    if isinstance(subject, str):
        return _own(subject, case)
    if isinstance(subject, OtherDevice):
        is_video = subject.kind == "video"
        return _own(_VIDEO_ROMS.get(subject.model or subject.type, ""), case) if is_video else None
    nic = subject.there
    if nic.rom_disabled:
        return None
    if nic.rom.path:
        return _named(subject.here, nic)
    return _own(_NIC_ROMS.get(nic.model, ""), case)


def _named(here: Nic | None, nic: Nic) -> Result:
    found = existing(nic.rom, "incoming.nics.rom")
    if not nic.rom.exists:
        return found
    sizes = [here.rom.size_bytes if here is not None else 0, nic.rom.size_bytes]
    if not all(sizes):
        return probably_yes(f"{nic.rom.path} is there, its size was not compared")
    rooms = [_room(size) for size in sizes]
    if rooms[0] != rooms[1]:
        summary = f"Install the source's {nic.rom.path} on the destination"
        text = f"{nic.rom.path} takes {rooms[0]} bytes here, {rooms[1]} there"
        return no(text, remedies=[provide_storage(summary, nic.rom.path)])
    return yes(f"{nic.rom.path} takes {rooms[0]} bytes on both hosts")


def _own(name: str, case: Case) -> Result | None:
    """Judge a ROM that QEMU chooses itself; None when it is not known on both hosts."""
    if not name or not _is_x86(case.incoming):
        return None
    sizes = [_size(name, each) for each in (case.source, case.destination)]
    if sizes[0] and not sizes[1] and _same_places(case):
        return probably_no(
            f"QEMU's {name} is not on the destination",
            probability=0.05,
            remedies=[upgrade(f"the package with {name}", "")],
        )
    if not all(sizes):
        return None
    rooms = [_room(size) for size in sizes]
    if rooms[0] != rooms[1] and is_of_distribution(case.incoming.machine_type):
        return no_idea(
            f"QEMU's {name} takes {rooms[0]} bytes on the source, {rooms[1]} on the destination; "
            f"the distribution's QEMU may give {case.incoming.machine_type} one of the old size",
            missing=["destination.hypervisor.rom_files"],
        )
    if rooms[0] != rooms[1]:
        return no(
            f"QEMU's {name} takes {rooms[0]} bytes here, {rooms[1]} there",
            remedies=[
                upgrade(f"the package with {name} in the source's version", ""),
                change_definition("Switch the ROM off and restart the guest", "rom/@bar", "off"),
            ],
        )
    return yes(f"QEMU's {name} takes {rooms[0]} bytes on both hosts")


def _same_places(case: Case) -> bool:
    """Tell whether both QEMUs look for such files in the same directories, by a file of both."""
    here, there = (
        {each.path for each in snapshot.hypervisor.rom_files}
        for snapshot in (case.source, case.destination)
    )
    return not here.isdisjoint(there)


def _size(name: str, snapshot: Snapshot) -> int:
    return next((each.size_bytes for each in snapshot.hypervisor.rom_files if each.name == name), 0)


def _room(size: int) -> int:
    return 1 << (size - 1).bit_length()


def _is_x86(vm: Vm) -> bool:
    return vm.architecture in ("x86_64", "i686")
