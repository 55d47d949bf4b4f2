"""Facts about the machine type and the device models."""

import re
from collections.abc import Iterable, Iterator, Mapping

from vmfit.v1.finding_pb2 import Consequence
from vmfit.v1.hypervisor_pb2 import MachineType
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, detach, upgrade
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    yes,
)
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.connections import (
    canonical_machine,
    connection_for,
    domain_capabilities_for,
    machine_types_for,
)

_CONNECTIONS = "destination.hypervisor.connections"
_IDENTITY = ("vm.domain_type", "vm.os_type", "vm.architecture", "vm.connection_uri", "vm.emulator")


@fact(
    "machine.type",
    question="Does the destination's hypervisor know the guest's machine type?",
    applies_if=("vm.machine_type",),
    reads=("vm.machine_type", _CONNECTIONS),
    also_reads=("source.hypervisor.connections", *_IDENTITY),
)
@unless_offline
def machine_type(case: Case) -> Result:
    """Look the canonical machine type up in the destination's capabilities.

    An alias (pc, q35) is resolved on the source first, where the guest runs. Listed is YES,
    deprecated included; not listed NO; without capabilities NO_IDEA. A machine type is an ABI: no
    other one will do for a running guest.

    Source: virConnectGetCapabilities: guest/arch/machine.
    """
    name, machines = _name(case), _machines(case)
    if not machines:
        missing = f"{_CONNECTIONS}.guest_archs.machine_types"
        return no_idea("which machine types the destination knows is not known", missing=[missing])
    there = machines.get(name)
    if there is not None:
        return yes(f"{name} is there" + (", deprecated" if there.deprecated else ""))
    capabilities = domain_capabilities_for(case.vm, case.destination)
    if capabilities is not None and capabilities.machine_type == name:
        return yes(f"{name} is there")
    remedies = [upgrade("QEMU", name.rsplit("-", 1)[-1])]
    newest = _newest(name, machines.values())
    if newest:
        summary = f"Start the guest with the machine type {newest}, which is there"
        remedies.append(change_definition(summary, "os/type/@machine", newest))
    return no(f"the destination's hypervisor does not know {name}", remedies=remedies)


@fact(
    "machine.deprecated",
    question="Will the destination's hypervisor keep the guest's machine type?",
    applies_if=("vm.machine_type",),
    reads=("vm.machine_type", _CONNECTIONS),
    also_reads=("source.hypervisor.connections", *_IDENTITY),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def deprecated(case: Case) -> Result:
    """Ask whether the destination calls the machine type deprecated.

    Then it is PROBABLY_NO: a later QEMU drops it, and the guest can go to no host that has it. Not
    deprecated is YES; without capabilities it is NO_IDEA. It does not decide: today the guest runs
    there. A type that is not there is machine.type's.

    Source: virConnectGetCapabilities: guest/arch/machine/@deprecated; QEMU docs/about/deprecated.
    """
    name, machines = _name(case), _machines(case)
    if not machines:
        missing = f"{_CONNECTIONS}.guest_archs.machine_types"
        return no_idea(f"what the destination says of {name} is not known", missing=[missing])
    there = machines.get(name)
    if there is None:
        return not_applicable(f"does not apply: the destination does not list {name}")
    if not there.deprecated:
        return yes(f"{name} is not deprecated")
    remedies = []
    newest = _newest(name, [each for each in machines.values() if not each.deprecated])
    if newest:
        summary = f"Start the guest with {newest}, which is kept"
        remedies.append(change_definition(summary, "os/type/@machine", newest))
    return probably_no(f"{name} is deprecated there", probability=0.4, remedies=remedies)


def _newest(name: str, machines: Iterable[MachineType]) -> str:
    """Return the newest machine type of the same family; empty without any."""
    family = name.rsplit("-", 1)[0] + "-"
    names = [each.name for each in machines if each.name.startswith(family)]
    return max(names, key=lambda each: [int(part) for part in re.findall(r"\d+", each)], default="")


def _name(case: Case) -> str:
    """Return the machine type as the source, where the guest runs, resolves it."""
    vm = case.vm
    before = connection_for(vm, case.source)
    return canonical_machine(vm, before) if before is not None else vm.machine_type


def _machines(case: Case) -> Mapping[str, MachineType]:
    connection = connection_for(case.vm, case.destination)
    return machine_types_for(case.vm, connection) if connection is not None else {}


# Which enumerations of the domain capabilities list a device's model and backend, by element.
_ENUMS = {
    "video": ("modelType", ""),
    "rng": ("model", "backendModel"),
    "panic": ("model", ""),
    "crypto": ("model", "backendModel"),
}


_LISTED_CHANNELS = frozenset(("pty", "unix", "spicevmc", "qemu-vdagent", "dbus"))


@fact(
    "machine.device_models",
    question="Does the destination's hypervisor have every device model of the guest?",
    applies_if=("vm.other_devices", "vm.disks", "vm.graphics", "vm.character_devices"),
    reads=(_CONNECTIONS,),
    also_reads=(
        "vm.other_devices",
        "vm.disks",
        "vm.graphics",
        "vm.character_devices",
        "vm.machine_type",
        *_IDENTITY,
    ),
)
@unless_offline
def device_models(case: Case) -> Result:
    """Look disk buses, displays, channels, video, rng, panic and crypto models up.

    All listed in the domain capabilities is YES, also when libvirt does not list a class of devices
    at all; a class that is not supported, or a model absent from a list that is there, is NO. Types
    of channels that libvirt never lists (tcp, file, ...) are in every QEMU.
    Without domain capabilities NO_IDEA.

    Source: virConnectGetDomainCapabilities: devices.
    """
    capabilities = domain_capabilities_for(case.vm, case.destination)
    if capabilities is None:
        missing = f"{_CONNECTIONS}.domain_capabilities"
        return no_idea("the destination's device models are not known", missing=[missing])
    devices = set(_devices(case.vm))
    asked = {(kind, enum) for kind, enum, _ in devices}
    unsupported = {each.name for each in capabilities.device_classes if not each.supported}
    listed = {
        (device.name, each.name): set(each.values)
        for device in capabilities.device_classes
        for each in device.enums
        if (device.name, each.name) in asked
    }
    absent = sorted(
        {
            f"{kind} {value}".strip()
            for kind, enum, value in devices
            if kind in unsupported
            or (value and listed.get((kind, enum)) and value not in listed[kind, enum])
        }
    )
    if absent:
        text = f"the destination's hypervisor has no {', '.join(absent)}"
        return no(text, remedies=[detach(each) for each in absent])
    return yes("every device model that libvirt lists is there")


def _devices(vm: Vm) -> Iterator[tuple[str, str, str]]:
    """Yield the device's class, the enumeration that lists its model, and the model."""
    for disk in vm.disks:
        yield "disk", "bus", disk.bus
    for graphics in vm.graphics:
        yield "graphics", "type", graphics.type
    for device in vm.character_devices:
        if device.kind == "channel" and device.type in _LISTED_CHANNELS:
            yield "channel", "type", device.type
    for other in vm.other_devices:
        if other.kind in _ENUMS:
            model, backend = _ENUMS[other.kind]
            yield other.kind, model, other.model
            yield other.kind, backend, other.backend


FACTS = (machine_type, deprecated, device_models)
