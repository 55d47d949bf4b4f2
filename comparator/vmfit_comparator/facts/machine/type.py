"""Does the destination's hypervisor know the guest's machine type?"""

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
    destination_capabilities,
    destination_machines,
    source_machine,
)
from vmfit_comparator.knowledge.machine_families import newest_of_family
from vmfit_comparator.knowledge.machine_names import is_of_distribution

_CONNECTIONS = "destination.hypervisor.connections"


@fact(
    reads=f"{_CONNECTIONS}.guest_archs.machine_types.deprecated",
    applies_if="vm.machine_type",
    needs=("vm.machine_type", "destination.hypervisor"),
)
def machine_type(case: Case) -> Result:
    """Look the canonical machine type up in the destination's capabilities.

    An alias (pc, q35) is resolved on the source first, where the guest runs. Listed is YES,
    deprecated included; not listed NO; without capabilities NO_IDEA. A machine type is an ABI: no
    other one will do for a running guest.

    Source: virConnectGetCapabilities: guest/arch/machine.
    """
    name, machines = source_machine(case), destination_machines(case)
    if not machines:
        missing = f"{_CONNECTIONS}.guest_archs.machine_types"
        return no_idea("which machine types the destination knows is not known", missing=[missing])
    there = machines.get(name)
    if there is not None:
        return yes(f"{name} is there" + (", deprecated" if there.deprecated else ""))
    capabilities = destination_capabilities(case)
    if capabilities is not None and capabilities.machine_type == name:
        return yes(f"{name} is there")
    if is_of_distribution(name):
        remedies = [upgrade(f"a QEMU whose distribution has {name}", "")]
    else:
        remedies = [upgrade("QEMU", name.rsplit("-", 1)[-1])]
    newest = newest_of_family(name, machines.values())
    if newest:
        summary = f"Start the guest with the machine type {newest}, which is there"
        remedies.append(change_definition(summary, "os/type/@machine", newest))
    return no(f"the destination's hypervisor does not know {name}", remedies=remedies)
