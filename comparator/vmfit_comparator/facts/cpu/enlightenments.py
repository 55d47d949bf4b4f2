"""Does the guest keep its Hyper-V and KVM enlightenments?"""

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, ChooseHost, Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.versions import kernel_version


@fact(
    applies_if=("vm.hypervisor_features.hyperv", "vm.hypervisor_features.hyperv_mode"),
    needs=(
        "vm.domain_type",
        "vm.hypervisor_features",
        "source.kernel.release",
        "destination.kernel.release",
    ),
    reads=("source.cpu.kvm.hyperv", "destination.cpu.kvm.hyperv"),
)
def enlightenments(case: Case) -> Result:
    """Judge from KVM and from the kernels whether the destination offers the same enlightenments.

    The same or a newer kernel is YES, an older one PROBABLY_YES of REDUCED quality. A KVM without
    any there (a kernel may be built so) is NO where the source has them, PROBABLY_NO where that is
    not known, and YES where the source has none either: QEMU leaves out what KVM lacks. Mode
    passthrough is NO under KVM: QEMU blocks migration, as whatever differs would change under the
    guest; but not where the source's KVM has none to pass on. Kernels that cannot be compared are
    NO_IDEA.

    Source: libvirt docs/formatdomain.rst, hyperv; KVM_CAP_HYPERV; QEMU hyperv_enabled and its
    migration blocker for hv-passthrough.
    """
    if case.vm.domain_type == "kvm":
        outcome = _without_hyperv(case)
        if outcome is not None:
            return outcome
    listed = case.vm.hypervisor_features.hyperv
    before, after = case.source.kernel.release, case.destination.kernel.release
    text = f"{len(listed)} enlightenments, kernels {before} and {after}"
    versions = kernel_version(before), kernel_version(after)
    if not all(versions):
        return no_idea(f"{text} cannot be compared")
    if versions[1] >= versions[0]:
        return yes(text)
    return probably_yes(text, quality=QUALITY_REDUCED)


def _without_hyperv(case: Case) -> Result | None:
    before, after = case.source.cpu.kvm, case.destination.cpu.kvm
    none_before = before.HasField("hyperv") and not before.hyperv
    none_after = after.HasField("hyperv") and not after.hyperv
    if none_before and none_after:
        return yes("KVM has no Hyper-V enlightenments on either host")
    if case.vm.hypervisor_features.hyperv_mode == "passthrough":
        if none_before:
            text = "the source's KVM has no Hyper-V enlightenments, the destination's may"
            return probably_yes(text, quality=QUALITY_REDUCED)
        remedy = change_definition("Name the enlightenments", "features/hyperv/@mode", "custom")
        return no("QEMU migrates no guest with hyperv mode='passthrough'", remedies=[remedy])
    if not none_after:
        return None
    text = "the destination's KVM has no Hyper-V enlightenments"
    remedy = Remedy(summary="Choose another host", choose_host=ChooseHost(why=text))
    return (no if before.hyperv else probably_no)(text, remedies=[remedy])
