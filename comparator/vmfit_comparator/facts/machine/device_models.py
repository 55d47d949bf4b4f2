"""Does the destination's hypervisor have every device model of the guest?"""

from collections.abc import Iterator

from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import detach
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    yes,
)
from vmfit_comparator.knowledge.capabilities import destination_capabilities

_CONNECTIONS = "destination.hypervisor.connections"


# Which enumerations of the domain capabilities list a device's model and backend, by element.
_ENUMS = {
    "video": ("modelType", ""),
    "rng": ("model", "backendModel"),
    "panic": ("model", ""),
    "crypto": ("model", "backendModel"),
}


_LISTED_CHANNELS = frozenset(("pty", "unix", "spicevmc", "qemu-vdagent", "dbus"))


@fact(
    applies_if=("vm.other_devices", "vm.disks", "vm.graphics", "vm.character_devices"),
    needs="destination.hypervisor",
    reads=(
        *("vm.other_devices", "vm.disks.bus", "vm.graphics.type", "vm.character_devices"),
        f"{_CONNECTIONS}.domain_capabilities.device_classes",
    ),
)
def device_models(case: Case) -> Result:
    """Look disk buses, displays, channels, video, rng, panic and crypto models up.

    All listed in the domain capabilities is YES, also when libvirt does not list a class of devices
    at all; a class that is not supported, or a model absent from a list that is there, is NO. Types
    of channels that libvirt never lists (tcp, file, ...) are in every QEMU.
    Without domain capabilities NO_IDEA.

    Source: virConnectGetDomainCapabilities: devices.
    """
    capabilities = destination_capabilities(case)
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
