"""Facts about limits of the destination's processor: TSC, addresses, XSAVE, nesting."""

from vmfit.v1.finding_pb2 import ChangeDefinition, ChooseHost, Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    yes,
)
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.cpu_offer import host_model, offer_reads
from vmfit_comparator.knowledge.guest_cpu import needed_features
from vmfit_contract.cpu_features import feature, features, names

_TSC = "destination.cpu.tsc"
# What decides which domain capabilities concern the VM.
_VM = (
    "vm.domain_type",
    "vm.os_type",
    "vm.architecture",
    "vm.machine_type",
    "vm.emulator",
    "vm.connection_uri",
)


@fact(
    "cpu.tsc_frequency",
    question="Can the destination keep the guest's TSC at its frequency?",
    applies_if=("vm.timers",),
    reads=("vm.timers",),
    also_reads=(f"{_TSC}.frequency_hz", f"{_TSC}.scaling", "vm.domain_type"),
)
@unless_offline
def tsc_frequency(case: Case) -> Result:
    """Compare the frequency that the definition fixes with the destination's own, as libvirt does.

    Without a fixed frequency there is nothing to keep. Within the policy's `tsc_tolerance_ppm` of
    the destination's frequency is YES, and any frequency with TSC scaling; NO without scaling;
    NO_IDEA when frequency or scaling are not known. An emulated TSC is YES then: libvirt compares
    only what it can probe.

    Source: libvirt docs/formatdomain.rst, timer tsc; qemuProcessStartValidateTSC.
    """
    wanted = next((t.frequency_hz for t in case.vm.timers if t.name == "tsc"), 0)
    if not wanted:
        return not_applicable("the definition fixes no TSC frequency")
    tsc = case.destination.cpu.tsc
    if not tsc.HasField("frequency_hz"):
        if case.vm.domain_type != "kvm":
            return yes("the TSC is emulated, libvirt compares no frequency it cannot probe")
        text = f"the guest needs a TSC of {wanted} Hz, the destination's is not known"
        return no_idea(text, missing=[f"{_TSC}.frequency_hz"])
    offered = tsc.frequency_hz
    apart_ppm = abs(offered - wanted) * 1e6 / max(offered, 1)
    seen = (
        f"the guest needs {wanted} Hz, the destination has {offered} Hz, {apart_ppm:.0f} ppm apart"
    )
    if apart_ppm <= case.policy.margins.tsc_tolerance_ppm:
        return yes(seen)
    if not tsc.HasField("scaling"):
        return no_idea(f"{seen}; nobody knows if it can scale", missing=[f"{_TSC}.scaling"])
    if tsc.scaling:
        return yes(f"{seen}; it scales the guest's TSC")
    remedy = Remedy(
        summary="Choose a host with that TSC frequency or with TSC scaling",
        choose_host=ChooseHost(why=seen),
    )
    return no(f"{seen}, and it cannot scale", remedies=[remedy])


@fact(
    "cpu.phys_bits",
    question="Has the destination as many physical address bits as the guest believes?",
    applies_if=("vm.cpu",),
    reads=("vm.cpu", "vm.domain_type"),
    also_reads=("source.cpu.physical_address_bits", "destination.cpu.physical_address_bits"),
)
@unless_offline
def phys_bits(case: Case) -> Result:
    """Compare the guest's physical address bits with the destination processor's.

    TCG emulates any, 40 bits. Passed through: as many or more there is YES, fewer NO. Emulated:
    fixed bits up to the destination's are YES, more are NO. By default QEMU shows 40 bits, whatever
    the processor has: a processor with fewer is PROBABLY_NO when the source had them, else the
    guest lives with it already.

    Source: CPUID 0x80000008; libvirt docs/formatdomain.rst, maxphysaddr.
    """
    cpu, has = case.vm.cpu, case.destination.cpu.physical_address_bits
    if case.vm.domain_type != "kvm":
        return yes("the guest's address bits are emulated")
    if not has:
        missing = "destination.cpu.physical_address_bits"
        return no_idea("the destination's address bits are not known", missing=[missing])
    source = case.source.cpu
    if cpu.physical_address_mode == "passthrough":
        wanted = source.physical_address_bits
        if cpu.physical_address_limit_bits:
            wanted = min(wanted or 64, cpu.physical_address_limit_bits)
        if not wanted:
            missing = "source.cpu.physical_address_bits"
            return no_idea("the source's address bits are not known", missing=[missing])
    else:
        wanted = cpu.physical_address_bits or 40
    text = f"the guest sees {wanted} physical address bits, the destination has {has}"
    if wanted <= has:
        return yes(text)
    remedy = Remedy(
        summary=f"Start the guest with <maxphysaddr mode='emulate' bits='{has}'/>",
        change_definition=ChangeDefinition(element="cpu/maxphysaddr", value=str(has)),
    )
    if cpu.physical_address_mode:
        return no(text, remedies=[remedy])
    if source.HasField("physical_address_bits") and source.physical_address_bits <= has:
        return yes(f"{text}, no fewer than the source")
    return probably_no(text, remedies=[remedy])


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
    "cpu.xsave_state",
    question="Can the destination hold all of the guest's extended processor state?",
    applies_if=("vm.cpu.expanded_features",),
    reads=("vm.cpu.expanded_features", "vm.domain_type"),
    also_reads=(
        "destination.cpu.xsave.feature_mask",
        "destination.hypervisor.connections",
        *offer_reads("source"),
        "vm.cpu",
        "incoming.cpu",
        "options.destination_xml",
        *_VM,
    ),
)
@unless_offline
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
        model = host_model(case.vm, case.destination)
        if model is not None and needed.keys() <= features(model.features):
            return yes(f"the hypervisor there gives {listed}, and so their state")
        missing = "destination.cpu.xsave.feature_mask"
        return no_idea(f"whether there is room for {listed} is not known", missing=[missing])
    mask = case.destination.cpu.xsave.feature_mask
    lacking = [str(each) for each, bits in needed.items() if bits & ~mask]
    if lacking:
        return no(f"XCR0 is {mask:#x} there, it lacks the state of {', '.join(lacking)}")
    return yes(f"XCR0 is {mask:#x} there, with the state of {listed}")


_NESTING = features(("vmx", "svm"))


@fact(
    "cpu.nested",
    question="Can the guest go on running guests of its own?",
    applies_if=("vm.cpu.expanded_features",),
    reads=("vm.cpu.expanded_features", "vm.domain_type"),
    also_reads=(
        "destination.cpu.kvm.nested",
        *offer_reads("source"),
        "vm.cpu",
        "incoming.cpu",
        "options.destination_xml",
        *_VM,
    ),
)
@unless_offline
def nested(case: Case) -> Result:
    """Check that a guest with vmx or svm finds nested virtualisation.

    Without vmx and svm there is nothing to ask. On is YES (that the vmx-* features fit,
    cpu.features judges); off is NO; unknown NO_IDEA.

    Source: /sys/module/kvm_intel/parameters/nested, kvm_amd.
    """
    vm = case.vm
    seen = names(needed_features(case) & _NESTING)
    if not seen or vm.domain_type != "kvm":
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


FACTS = (tsc_frequency, phys_bits, xsave_state, nested)
