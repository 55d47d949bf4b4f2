"""Will the destination's hypervisor keep the guest's machine type?"""

from vmfit.v1.finding_pb2 import Consequence
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
from vmfit_comparator.knowledge.capabilities import (
    destination_machines,
    source_machine,
)
from vmfit_comparator.knowledge.machine_families import newest_of_family

_CONNECTIONS = "destination.hypervisor.connections"


@fact(
    applies_if="vm.machine_type",
    needs=("vm.machine_type", "destination.hypervisor"),
    reads=f"{_CONNECTIONS}.guest_archs.machine_types.deprecated",
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
    name, machines = source_machine(case), destination_machines(case)
    if not machines:
        missing = f"{_CONNECTIONS}.guest_archs.machine_types"
        return no_idea(f"what the destination says of {name} is not known", missing=[missing])
    there = machines.get(name)
    if there is None:
        return not_applicable(f"does not apply: the destination does not list {name}")
    if not there.deprecated:
        return yes(f"{name} is not deprecated")
    remedies = []
    newest = newest_of_family(name, [each for each in machines.values() if not each.deprecated])
    if newest:
        summary = f"Start the guest with {newest}, which is kept"
        remedies.append(change_definition(summary, "os/type/@machine", newest))
    return probably_no(f"{name} is deprecated there", probability=0.4, remedies=remedies)
