"""Has the guest's CPU nothing that must not be migrated?"""

from vmfit_comparator.evaluation.applicability import X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    yes,
)
from vmfit_comparator.knowledge.cpu.guest import PASSED_THROUGH, source_features
from vmfit_comparator.knowledge.cpu.hosts import source_offer
from vmfit_comparator.knowledge.cpu.special_features import INVARIANT_TSC
from vmfit_contract.cpu_features import features


@fact(
    architectures=X86,
    applies_if="vm.cpu",
    needs="vm.cpu",
    reads=("vm.timers", "vm.domain_type", "source.cpu.tsc.invariant"),
)
def migratable_flags(case: Case) -> Result:
    """Look for the invariant TSC without a fixed frequency.

    invtsc without <timer name='tsc' frequency> is NO: libvirt and QEMU refuse. A passed-through CPU
    with migratable='off' has it whenever KVM on its host gives it; where nothing tells what that
    gives, NO_IDEA. xsaves is migratable, whatever libvirt's CPU map says. An unexpanded CPU is
    NO_IDEA.

    Source: libvirt qemuMigrationSrcIsAllowed; QEMU feature_word_info, unmigratable_flags.
    """
    vm = case.vm
    if any(timer.name == "tsc" and timer.frequency_hz for timer in vm.timers):
        return yes("the TSC's frequency is fixed")
    policies = {bit: each.policy for each in vm.cpu.features for bit in features([each.name])}
    policy = policies.get(INVARIANT_TSC, "")
    if vm.cpu.mode in PASSED_THROUGH and vm.domain_type == "kvm":
        return _passed_through(case, policy)
    if policy in {"require", "force"} or INVARIANT_TSC in source_features(case):
        return _invariant()
    if not vm.cpu.expanded and vm.cpu.model:
        missing = "vm.cpu.expanded_features"
        return no_idea(f"the features of {vm.cpu.model} are not known", missing=[missing])
    return yes("the guest has no invtsc")


def _passed_through(case: Case, policy: str) -> Result:
    if policy in {"require", "force"}:
        return _invariant()
    if policy or case.vm.cpu.migratable != "off":
        return yes("invtsc is left out")
    given = source_offer(case)
    tsc = case.source.cpu.tsc
    if tsc.invariant or (given is not None and INVARIANT_TSC in given.features):
        return _invariant(" (migratable='off')")
    if given is None and not tsc.HasField("invariant"):
        missing = "source.cpu.tsc.invariant"
        return no_idea("whether the guest has invtsc is not known", missing=[missing])
    return yes("the source gives no invtsc")


def _invariant(why: str = "") -> Result:
    remedy = change_definition(
        "Fix the TSC's frequency, or start the guest without invtsc",
        "clock/timer[@name='tsc']/@frequency",
        "",
    )
    return no(f"the guest has invtsc and no fixed TSC frequency{why}", remedies=[remedy])
