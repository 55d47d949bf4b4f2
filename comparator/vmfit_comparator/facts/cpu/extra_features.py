"""Does the destination's hypervisor add no CPU feature of its own?"""

from vmfit_comparator.evaluation.applicability import X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, not_applicable, probably_no, yes
from vmfit_comparator.knowledge.cpu.guest import PASSED_THROUGH, has_no_model, live_cpu
from vmfit_comparator.knowledge.regressions import matching_regressions
from vmfit_contract.cpu_features import names


@fact(
    architectures=X86,
    applies_if="vm.cpu",
    needs=(
        *("vm.cpu", "source.hypervisor", "destination.hypervisor"),
        *("source.kernel.release", "destination.kernel.release"),
    ),
)
def extra_features(case: Case) -> Result:
    """Foresee features that libvirt finds beyond those that a running guest had.

    With check='full', as every running guest has it, libvirt refuses them. Which hypervisors add
    any is known from experience alone: a match in the list of known migration bugs is PROBABLY_NO
    with its reference, none is YES. Passed-through and default CPUs are not checked.

    Source: libvirt virCPUUpdateLive; vmfit_comparator/knowledge/known_regressions.yaml.
    """
    cpu = live_cpu(case)
    if cpu.mode in PASSED_THROUGH or has_no_model(cpu):
        return not_applicable("libvirt does not check this CPU")
    found = [each for each in matching_regressions(case) if each.added_features]
    if not found:
        return yes("these versions are not known to add any")
    added = names(frozenset().union(*(each.added_features for each in found)))
    references = ", ".join(reference for each in found for reference in each.references)
    remedies = [upgrade(each.package, each.fixed_in) for each in found]
    text = f"the destination's hypervisor adds {', '.join(added)} ({references})"
    return probably_no(text, probability=0.2, remedies=remedies)
