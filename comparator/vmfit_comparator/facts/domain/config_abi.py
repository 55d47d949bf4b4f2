"""Does the definition sent with --xml show the guest the same machine?"""

from collections import Counter
from collections.abc import Callable
from functools import partial

from vmfit.v1.vm_pb2 import SystemInformation, Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import drop_option
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.capabilities import canonical_machine, destination_machines
from vmfit_comparator.knowledge.connections import destination_connection
from vmfit_comparator.knowledge.cpu.definition import cpu_differences
from vmfit_comparator.knowledge.disks import is_read_only

# Devices that libvirt never adds by itself.
_COUNTED = ("rng", "sound", "vsock", "shmem", "hub", "iommu", "crypto")


# Features that libvirt never switches on by itself.
_FEATURES = {"acpi", "apic", "pae", "pmu", "vmport", "vmcoreinfo"}


# Devices whose model the check compares; libvirt itself adds some that a definition leaves out.
_MODELS = ("memballoon", "video", "watchdog", "rng", "sound", "panic", "iommu")


# Backends of the host's, and controllers, of which every device may bring another.
_UNCOUNTED = ("audio", "controller")


# What libvirt's ABI check compares: a word, and how to read it from a definition.
_STRICT: tuple[tuple[str, Callable[[Vm], object]], ...] = (
    ("type", lambda vm: vm.domain_type),
    ("architecture", lambda vm: vm.architecture),
    ("memory", lambda vm: vm.memory.maximum_bytes),
    ("maximum memory", lambda vm: vm.memory.hotplug_maximum_bytes),
    ("memory slots", lambda vm: vm.memory.slot_count),
    ("maximum of vCPUs", lambda vm: vm.vcpus.maximum_count),
    ("vCPUs", lambda vm: vm.vcpus.current_count),
    ("NUMA cells", lambda vm: [(c.memory_bytes, tuple(c.vcpu_ids)) for c in vm.numa.cells]),
    ("disks", lambda vm: [f"{d.target} ({d.device})" for d in vm.disks]),
    ("disk serials", lambda vm: [(d.serial, d.wwn) for d in vm.disks]),
    ("disk access", lambda vm: [(is_read_only(d), d.shareable) for d in vm.disks]),
    ("NICs", lambda vm: [n.mac for n in vm.nics]),
    ("hostdevs", lambda vm: [(h.mode, h.type) for h in vm.host_devices]),
    ("TPMs", lambda vm: [(t.model, t.backend) for t in vm.tpms]),
    ("shares", lambda vm: [f.target for f in vm.filesystems]),
    ("other devices", lambda vm: sorted(o.kind for o in vm.other_devices if o.kind in _COUNTED)),
    ("features", lambda vm: sorted({*vm.hypervisor_features.enabled} & _FEATURES)),
    ("Hyper-V features", lambda vm: sorted(vm.hypervisor_features.hyperv)),
)


# The same, of agents that tell it.
_SYSTEM_INFORMATION: tuple[tuple[str, Callable[[SystemInformation], object]], ...] = (
    ("SMBIOS mode", lambda told: told.smbios_mode or "none"),
    ("sysinfo", lambda told: list(told.types)),
    ("SMBIOS values", lambda told: list(told.values)),
)


def _models(kind: str, vm: Vm) -> list[str]:
    return [each.model for each in vm.other_devices if each.kind == kind]


# Where a definition may leave the choice to libvirt.
_WHERE_GIVEN: tuple[tuple[str, Callable[[Vm], list[str]]], ...] = (
    ("UUID", lambda vm: [vm.uuid]),
    ("disk bus", lambda vm: [d.bus for d in vm.disks]),
    ("NIC model", lambda vm: [n.model for n in vm.nics]),
    ("loader type", lambda vm: [vm.firmware.loader_type]),
    *((f"model of {kind}", partial(_models, kind)) for kind in _MODELS),
)


_COMPARED = (
    *("domain_type", "architecture", "machine_type", "uuid", "memory", "vcpus", "numa", "disks"),
    *("nics", "host_devices", "tpms", "filesystems", "other_devices", "firmware", "cpu"),
    *("character_devices", "hypervisor_features", "system_information"),
)


@fact(
    needs=("vm.name", "incoming.name"),
    reads=(
        *(f"vm.{field}" for field in _COMPARED),
        *(f"incoming.{field}" for field in _COMPARED),
        *("vm.migratable_cpu", "vm.pending_configuration", "options.destination_xml"),
        *("options.destination_name", "options.persistent"),
    ),
    offline=True,
)
def config_abi(case: Case) -> Result:
    """Compare what libvirt's ABI check compares between the live and the incoming definition.

    A difference that the guest could see (memory, vCPUs, machine type, UUID, features, disks by
    target and bus, NICs by MAC and model, another model or more of other devices, SMBIOS mode and
    values) is NO, as is another name without --dname, and any difference of the CPU's definition
    but that of its fallback: PROBABLY_NO where the source does not tell the one that libvirt would
    send. Of devices that libvirt adds itself fewer may be named. With --persistent a pending change
    of the stored definition is PROBABLY_YES: it moves along.

    Source: libvirt's virDomainDefCheckABIStability, qemuDomainFormatXML with MIGRATABLE.
    """
    options = case.options
    if not options.destination_xml:
        if options.persistent and case.vm.pending_configuration:
            return probably_yes("the stored definition has changes that wait for a restart")
        return not_applicable("does not apply: the definition is sent as it is")
    here, there = case.vm, case.incoming
    differences = _differences(case)
    if there.name not in (here.name, options.destination_name):
        differences.append(f"name: {here.name} here, {there.name} there (use --dname)")
    remedy = drop_option("--xml", "or give the guest the same devices in it")
    told = here.HasField("migratable_cpu")
    sent = here.migratable_cpu if told else here.cpu
    cpu = cpu_differences(sent, there.cpu) if here.HasField("cpu") and there.HasField("cpu") else []
    if differences or (cpu and told):
        return no("; ".join([*differences, *cpu]), remedies=[remedy])
    if cpu:
        text = f"{'; '.join(cpu)}, compared with the CPU that libvirt started"
        return probably_no(text, probability=0.3, remedies=[remedy])
    return yes("the definition sent shows the guest the same machine")


def _differences(case: Case) -> list[str]:
    here, there = case.vm, case.incoming
    found: list[tuple[str, object, object]] = []
    connection = destination_connection(case)
    if connection is not None:
        known = destination_machines(case)
        machines = [canonical_machine(each.machine_type, known) for each in (here, there)]
        if all(machines) and machines[0] != machines[1]:
            found.append(("machine type", machines[0], machines[1]))
    for word, read in _STRICT:
        if read(here) != read(there):
            found.append((word, read(here), read(there)))
    if here.HasField("system_information") and there.HasField("system_information"):
        for word, read_told in _SYSTEM_INFORMATION:
            pair = read_told(here.system_information), read_told(there.system_information)
            found += [(word, *pair)] if pair[0] != pair[1] else []
    mine, theirs = _counts(here), _counts(there)
    found += [(k, mine[k], n) for k, n in theirs.items() if n > mine[k] and k not in _COUNTED]
    for word, read_all in _WHERE_GIVEN:
        pairs = zip(read_all(here), read_all(there), strict=False)
        found += [(word, *pair) for pair in pairs if all(pair) and pair[0] != pair[1]]
    return [f"{word}: {_short(one)} here, {_short(other)} there" for word, one, other in found]


def _counts(vm: Vm) -> Counter[str]:
    kinds = [each.kind for each in vm.other_devices if each.kind not in _UNCOUNTED]
    return Counter(kinds + [each.kind for each in vm.character_devices])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:80] + "…"
