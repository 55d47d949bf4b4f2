"""Has the destination's KVM system management mode, where the guest uses it?"""

from vmfit_comparator.evaluation.applicability import KVM, X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no, not_applicable, probably_yes, yes


@fact(
    hypervisors=KVM,
    architectures=X86,
    applies_if="vm.hypervisor_features.enabled",
    reads=("vm.hypervisor_features.enabled", "destination.cpu.kvm.smm"),
)
def smm(case: Case) -> Result:
    """Ask KVM for the mode that firmware with secure boot runs in.

    - YES: KVM has it.
    - NO: it has not, and QEMU does not start a guest with <smm state='on'/>.
    - PROBABLY_YES: KVM was not asked; kernels before 6.2 always have it, and few since lack it.

    Source: KVM_CAP_X86_SMM; QEMU x86_machine_is_smm_enabled; libvirt formatdomain, smm.
    """
    if "smm" not in case.vm.hypervisor_features.enabled:
        return not_applicable("the guest has no system management mode")
    kvm = case.destination.cpu.kvm
    if not kvm.HasField("smm"):
        return probably_yes(
            "whether the destination's KVM has system management mode is not known; few lack it",
            probability=0.97,
        )
    if not kvm.smm:
        return no("the destination's KVM has no system management mode (CONFIG_KVM_SMM)")
    return yes("the destination's KVM has system management mode")
