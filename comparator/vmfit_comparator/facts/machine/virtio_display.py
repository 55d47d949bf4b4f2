"""Do both hosts make the same device of the guest's virtio display?"""

from collections.abc import Iterable

from vmfit.v1.hypervisor_pb2 import Emulator
from vmfit_comparator.evaluation.applicability import X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no, not_applicable, yes
from vmfit_comparator.knowledge.connections import (
    destination_libvirt_version,
    source_libvirt_version,
)
from vmfit_comparator.knowledge.emulators import destination_emulator, source_emulator

_DISPLAYS = "hw-display-virtio-"


# Which writes the display's type into the definition.
_RECORDS = 12_005_000


@fact(
    architectures=X86,
    reads=(
        *("source.hypervisor.qemu_modules", "destination.hypervisor.qemu_modules"),
        *("vm.other_devices.kind", "vm.other_devices.model"),
    ),
)
def virtio_display(case: Case) -> Result:
    """Compare which of virtio-vga and virtio-gpu-pci libvirt takes for the first display.

    It takes virtio-vga where QEMU has it, else the other, and tells nobody until 12.5. Another one
    on the destination is NO: the guest's state does not fit it. The same is YES, and so is a
    libvirt of 12.5 on both hosts.

    Source: libvirt qemuDomainSupportsVideoVga, release notes of 12.5.0; QEMU's modules.
    """
    first = next((each for each in case.vm.other_devices if each.kind == "video"), None)
    if first is None or first.model != "virtio":
        return not_applicable("the first display of the guest is no virtio one on x86")
    taken = [
        _display(source_emulator(case), case.source.hypervisor.qemu_modules),
        _display(destination_emulator(case), case.destination.hypervisor.qemu_modules),
    ]
    if not all(taken):
        return not_applicable("which of them a host's QEMU has is not known")
    if taken[0] == taken[1]:
        return yes(f"both hosts make {taken[0]} of it")
    text = f"the source makes {taken[0]} of it, the destination {taken[1]}"
    if min(source_libvirt_version(case), destination_libvirt_version(case)) >= _RECORDS:
        return yes(f"{text}, unless the definition says which; libvirt puts it there")
    return no(text, remedies=[upgrade("the QEMU module hw-display-virtio-vga", "")])


def _display(emulator: Emulator | None, every: Iterable[str]) -> str:
    """Return the device type, empty when nothing tells."""
    modules = [each for each in every if each.startswith(_DISPLAYS)]
    if emulator is None and not modules:
        return ""
    absent = emulator is not None and "virtio-vga" in emulator.absent_device_types
    # The program names the types of all modules, whether they are installed or not.
    if absent or (modules and f"{_DISPLAYS}vga.so" not in modules):
        return "virtio-gpu-pci"
    return "virtio-vga"
