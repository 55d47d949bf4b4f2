"""Does the destination's hypervisor know the guest's machine type?"""

import re
from collections.abc import Iterable, Mapping

from vmfit.v1.hypervisor_pb2 import MachineType
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, upgrade
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    yes,
)
from vmfit_comparator.knowledge.capabilities import (
    canonical_machine,
    domain_capabilities_for,
    machine_types_for,
)
from vmfit_comparator.knowledge.connections import connection_for

_CONNECTIONS = "destination.hypervisor.connections"


_IDENTITY = ("vm.domain_type", "vm.os_type", "vm.architecture", "vm.connection_uri", "vm.emulator")


@fact(
    applies_if=("vm.machine_type",),
    needs=("vm.machine_type", _CONNECTIONS),
    reads=("source.hypervisor.connections", *_IDENTITY),
)
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
