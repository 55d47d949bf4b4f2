"""Can the destination hold all of the guest's extended processor state?"""

from vmfit_comparator.evaluation.applicability import X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    yes,
)
from vmfit_comparator.knowledge.cpu.guest import needed_features
from vmfit_comparator.knowledge.cpu.hosts import destination_host_model
from vmfit_contract.cpu_features import feature, features

# XCR0 bits that each feature of a guest needs.
_XCR0 = {
    feature("avx"): 0x4,
    feature("mpx"): 0x18,
    feature("avx512f"): 0xE0,
    feature("pku"): 0x200,
    feature("amx-tile"): 0x60000,
    feature("apxf"): 0x80000,
}


@fact(
    architectures=X86,
    applies_if="vm.cpu.expanded_features",
    needs=("vm.cpu.expanded_features", "vm.domain_type"),
    reads="destination.cpu.xsave.feature_mask",
)
def xsave_state(case: Case) -> Result:
    """Check that the XSAVE components of the guest's features exist in the destination's XCR0.

    All there is YES; a missing one is NO, KVM refuses the state. When XCR0 is not known, a
    hypervisor that gives those features is YES, and without its word the answer is NO_IDEA. TCG
    keeps its own state, YES.

    Source: CPUID 0xD; Intel SDM volume 1, chapter 13.
    """
    if case.vm.domain_type != "kvm":
        return yes("the guest's processor state is emulated")
    sees = needed_features(case)
    needed = {each: bits for each, bits in _XCR0.items() if each in sees}
    listed = ", ".join(map(str, needed))
    if not needed:
        return yes("the guest has no features with a state beyond SSE's")
    if not case.destination.cpu.HasField("xsave"):
        model = destination_host_model(case)
        if model is not None and needed.keys() <= features(model.features):
            return yes(f"the hypervisor there gives {listed}, and so their state")
        missing = "destination.cpu.xsave.feature_mask"
        return no_idea(f"whether there is room for {listed} is not known", missing=[missing])
    mask = case.destination.cpu.xsave.feature_mask
    lacking = [str(each) for each, bits in needed.items() if bits & ~mask]
    if lacking:
        return no(f"XCR0 is {mask:#x} there, it lacks the state of {', '.join(lacking)}")
    return yes(f"XCR0 is {mask:#x} there, with the state of {listed}")
