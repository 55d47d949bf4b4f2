"""Can the guest go on running guests of its own?"""

from vmfit.v1.finding_pb2 import Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    yes,
)
from vmfit_comparator.knowledge.cpu.guest import needed_features
from vmfit_contract.cpu_features import features, names

_NESTING = features(("vmx", "svm"))


@fact(
    applies_if="vm.cpu.expanded_features",
    needs=("vm.cpu.expanded_features", "vm.domain_type"),
    reads="destination.cpu.kvm.nested",
)
def nested(case: Case) -> Result:
    """Check that a guest with vmx or svm finds nested virtualisation.

    Without vmx and svm there is nothing to ask. On is YES (that the vmx-* features fit,
    cpu.features judges); off is NO; unknown NO_IDEA.

    Source: /sys/module/kvm_intel/parameters/nested, kvm_amd.
    """
    seen = names(needed_features(case) & _NESTING)
    if not seen or case.vm.domain_type != "kvm":
        return not_applicable("the guest has no virtualisation of its own from KVM")
    kvm = case.destination.cpu.kvm
    if not kvm.HasField("nested"):
        missing = "destination.cpu.kvm.nested"
        return no_idea("whether KVM nests there is not known", missing=[missing])
    if kvm.nested:
        return yes("KVM nests there; guests of the guest move with it")
    remedy = Remedy(
        summary="Load the KVM module with nested=1, or start the guest without vmx and svm",
        command="modprobe -r kvm_intel && modprobe kvm_intel nested=1",
    )
    return no(f"the guest has {seen[0]}, KVM does not nest there", remedies=[remedy])
