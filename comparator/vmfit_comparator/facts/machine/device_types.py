"""Has the destination's QEMU program the very types of the guest's devices?"""

from vmfit.v1.hypervisor_pb2 import Emulator
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import detach, upgrade
from vmfit_comparator.evaluation.result import Result, no, not_applicable, yes
from vmfit_comparator.knowledge.capabilities import domain_capabilities_for
from vmfit_comparator.knowledge.guest_devices import device_needs

# Where devices of the same name sit on PCI unless the machine has none.
_X86 = frozenset(("x86_64", "i686"))


_WITHOUT_PCI = "microvm"


@fact(
    needs=("vm.architecture",),
    reads=(
        "destination.hypervisor.emulators",
        "vm.disks",
        "vm.nics",
        "vm.filesystems",
        "vm.tpms",
        "vm.memory",
        "vm.host_devices",
        "vm.other_devices",
        "vm.character_devices",
        "vm.qemu_arguments",
        "vm.emulator",
        "vm.domain_type",
        "vm.os_type",
        "vm.machine_type",
        "vm.connection_uri",
        "destination.hypervisor.connections",
    ),
)
def device_types(case: Case) -> Result:
    """Look for device types whose name the destination's program does not contain.

    libvirt reports a model when any variant of it is there; QEMU refuses the one that it lacks
    when the guest comes. None of a device's types in the program is NO; else, also for types that
    the agent does not look for, YES.

    Source: read-only data of QEMU's program; libvirt's virQEMUCapsObjectTypes.
    """
    vm = case.vm
    if vm.architecture not in _X86 or vm.machine_type.startswith(_WITHOUT_PCI):
        return not_applicable("only devices on an x86 machine's PCI bus are looked up")
    emulator = _emulator(vm, case.destination)
    if emulator is None:
        return not_applicable("the emulator's program has not been read there")
    absent = set(emulator.absent_device_types)
    lacking = {
        label: types for label, types in device_needs(vm) if all(each in absent for each in types)
    }
    if not lacking:
        return yes(f"{emulator.path} has the types of all devices that are looked up")
    named = ", ".join(f"{label} ({types[0]})" for label, types in sorted(lacking.items()))
    return no(
        f"{emulator.path} there has no {named}",
        remedies=[upgrade("a QEMU with these devices", ""), *map(detach, sorted(lacking))],
    )


def _emulator(vm: Vm, snapshot: Snapshot) -> Emulator | None:
    path = vm.emulator.path
    if not path:
        capabilities = domain_capabilities_for(vm, snapshot)
        path = capabilities.emulator_path if capabilities is not None else ""
    return next((each for each in snapshot.hypervisor.emulators if each.path == path), None)
