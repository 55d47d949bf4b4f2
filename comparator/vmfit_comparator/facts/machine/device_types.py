"""Has the destination's QEMU program the very types of the guest's devices?"""

from vmfit_comparator.evaluation.applicability import X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import detach, upgrade
from vmfit_comparator.evaluation.result import Result, no, not_applicable, yes
from vmfit_comparator.knowledge.emulators import destination_emulator
from vmfit_comparator.knowledge.guest_devices import device_needs

# The machine type of x86 that has no PCI.
_WITHOUT_PCI = "microvm"


@fact(
    architectures=X86,
    reads=(
        *("vm.disks", "vm.nics", "vm.filesystems", "vm.tpms", "vm.memory.devices"),
        *("vm.host_devices", "vm.other_devices", "vm.character_devices", "vm.qemu_arguments"),
        "vm.machine_type",
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
    if vm.machine_type.startswith(_WITHOUT_PCI):
        return not_applicable("only devices on an x86 machine's PCI bus are looked up")
    emulator = destination_emulator(case)
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
