"""Do both hosts make the same device of the guest's virtio display?"""

from vmfit.v1.hypervisor_pb2 import Emulator
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no, not_applicable, yes
from vmfit_comparator.knowledge.capabilities import domain_capabilities_for
from vmfit_comparator.knowledge.connections import connection_for

# Where devices of the same name sit on PCI unless the machine has none.
_X86 = frozenset(("x86_64", "i686"))


_DISPLAYS = "hw-display-virtio-"


# Which writes the display's type into the definition.
_RECORDS = 12_005_000


def _emulator(vm: Vm, snapshot: Snapshot) -> Emulator | None:
    path = vm.emulator.path
    if not path:
        capabilities = domain_capabilities_for(vm, snapshot)
        path = capabilities.emulator_path if capabilities is not None else ""
    return next((each for each in snapshot.hypervisor.emulators if each.path == path), None)


@fact(
    needs=("vm.architecture",),
    reads=(
        "source.hypervisor.emulators",
        "source.hypervisor.qemu_modules",
        "source.hypervisor.connections",
        "destination.hypervisor.emulators",
        "destination.hypervisor.qemu_modules",
        "destination.hypervisor.connections",
        "vm.other_devices",
        "vm.emulator",
        "vm.domain_type",
        "vm.os_type",
        "vm.machine_type",
        "vm.connection_uri",
    ),
)
def virtio_display(case: Case) -> Result:
    """Compare which of virtio-vga and virtio-gpu-pci libvirt takes for the first display.

    It takes virtio-vga where QEMU has it, else the other, and tells nobody until 12.5. Another one
    on the destination is NO: the guest's state does not fit it. The same is YES, and so is a
    libvirt of 12.5 on both hosts.

    Source: libvirt qemuDomainSupportsVideoVga, release notes of 12.5.0; QEMU's modules.
    """
    vm = case.vm
    first = next((each for each in vm.other_devices if each.kind == "video"), None)
    if vm.architecture not in _X86 or first is None or first.model != "virtio":
        return not_applicable("the first display of the guest is no virtio one on x86")
    hosts = case.source, case.destination
    taken = [_display(vm, each) for each in hosts]
    if not all(taken):
        return not_applicable("which of them a host's QEMU has is not known")
    if taken[0] == taken[1]:
        return yes(f"both hosts make {taken[0]} of it")
    text = f"the source makes {taken[0]} of it, the destination {taken[1]}"
    connections = [connection_for(vm, each) for each in hosts]
    if all(each is not None and each.libvirt_version >= _RECORDS for each in connections):
        return yes(f"{text}, unless the definition says which; libvirt puts it there")
    return no(text, remedies=[upgrade("the QEMU module hw-display-virtio-vga", "")])


def _display(vm: Vm, snapshot: Snapshot) -> str:
    """Return the device type, empty when nothing tells."""
    modules = [each for each in snapshot.hypervisor.qemu_modules if each.startswith(_DISPLAYS)]
    emulator = _emulator(vm, snapshot)
    if emulator is None and not modules:
        return ""
    absent = emulator is not None and "virtio-vga" in emulator.absent_device_types
    # The program names the types of all modules, whether they are installed or not.
    if absent or (modules and f"{_DISPLAYS}vga.so" not in modules):
        return "virtio-gpu-pci"
    return "virtio-vga"
