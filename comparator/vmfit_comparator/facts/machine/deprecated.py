"""Will the destination's hypervisor keep the guest's machine type?"""

import re
from collections.abc import Iterable, Mapping

from vmfit.v1.finding_pb2 import Consequence
from vmfit.v1.hypervisor_pb2 import MachineType
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no_idea,
    not_applicable,
    probably_no,
    yes,
)
from vmfit_comparator.knowledge.capabilities import canonical_machine, machine_types_for
from vmfit_comparator.knowledge.connections import connection_for

_CONNECTIONS = "destination.hypervisor.connections"


_IDENTITY = ("vm.domain_type", "vm.os_type", "vm.architecture", "vm.connection_uri", "vm.emulator")


@fact(
    applies_if=("vm.machine_type",),
    needs=("vm.machine_type", _CONNECTIONS),
    reads=("source.hypervisor.connections", *_IDENTITY),
    offline=True,
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
