"""Facts about the CPU model's name and about what forbids migrating a CPU."""

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, ChooseHost, Remedy
from vmfit.v1.hypervisor_pb2 import CpuModelUsability
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
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.connections import domain_capabilities_for
from vmfit_comparator.knowledge.cpu_compare import expanded_features
from vmfit_comparator.knowledge.cpu_offer import offer, offer_reads
from vmfit_comparator.knowledge.guest_cpu import PASSED_THROUGH, needed_features
from vmfit_comparator.knowledge.special_features import INVARIANT_TSC
from vmfit_comparator.knowledge.versions import kernel_version
from vmfit_contract.cpu_features import features, names

_VM = (
    "vm.domain_type",
    "vm.architecture",
    "vm.os_type",
    "vm.machine_type",
    "vm.emulator",
    "vm.connection_uri",
)


_CAPABILITIES = "destination.hypervisor.connections.domain_capabilities"


@fact(
    "cpu.model_usable",
    question="Does the destination's hypervisor know the guest's CPU mode and model?",
    applies_if=("vm.cpu",),
    reads=("vm.cpu", "destination.hypervisor.connections"),
    also_reads=(
        *_VM,
        "incoming.cpu",
        "options.destination_xml",
        *offer_reads("source"),
        *offer_reads("destination"),
    ),
)
@unless_offline
def model_usable(case: Case) -> Result:
    """Look the CPU mode and the model up in the domain capabilities.

    A mode that is not supported is NO, and so is a model that is not listed: a running guest
    forbids a fallback. For a definition that allows one it is PROBABLY_YES, of REDUCED quality, if
    libvirt knows the model's features. Usable is YES. So is a model that the host cannot give
    whole, when the guest lacks the same features; when it has one of them, NO; when libvirt does
    not name them and the hypervisor's host model does not hold all of the guest's, PROBABLY_NO. No
    list, or "unknown", is NO_IDEA.

    Source: virConnectGetDomainCapabilities: cpu/mode.
    """
    cpu = case.vm.cpu
    capabilities = domain_capabilities_for(case.vm, case.destination)
    if capabilities is None or not (capabilities.cpu_modes or capabilities.models):
        missing = f"{_CAPABILITIES}.cpu_modes"
        return no_idea("the destination does not list its CPU models", missing=[missing])
    mode = cpu.mode or "custom"
    supported = {each.mode for each in capabilities.cpu_modes if each.supported}
    if capabilities.cpu_modes and mode not in supported:
        text = f"the destination's hypervisor has no CPU mode {mode} for this type of domain"
        return no(text, remedies=[change_definition("Use another CPU mode", "cpu/@mode", "")])
    if mode != "custom" or not cpu.model:
        return yes(f"CPU mode {mode} is supported there")
    name = cpu.model
    model = next((each for each in capabilities.models if each.name == name), None)
    if model is not None:
        return _usable(case, model)
    if not capabilities.models:
        missing = f"{_CAPABILITIES}.models"
        return no_idea("the destination does not list its CPU models", missing=[missing])
    if cpu.fallback != "forbid" and cpu.expanded:
        text = f"{cpu.model} is unknown there, libvirt starts the guest with a model like it"
        return probably_yes(text, quality=QUALITY_REDUCED)
    remedy = change_definition("Start the guest with another CPU model", "cpu/model", "")
    return no(f"the destination's hypervisor does not know {cpu.model}", remedies=[remedy])


def _usable(case: Case, model: CpuModelUsability) -> Result:
    cpu = case.vm.cpu
    if not model.HasField("usable"):
        missing = f"{_CAPABILITIES}.models.usable"
        return no_idea(f"libvirt does not tell if {cpu.model} is usable", missing=[missing])
    if model.usable:
        return yes(f"{cpu.model} is usable there")
    blockers = features(model.blockers)
    if blockers and cpu.expanded:
        needed = blockers & needed_features(case)
        if needed:
            return no(f"{cpu.model} is not usable there for want of {', '.join(names(needed))}")
        return yes(f"{cpu.model} lacks {', '.join(names(blockers))} there, like the guest")
    given = offer(case.vm, case.destination)
    if cpu.expanded and given is not None and needed_features(case) <= given.features:
        return yes(f"{cpu.model} is not whole there, the guest's part of it is")
    return probably_no(f"{cpu.model} is not usable there")


@fact(
    "cpu.migratable_flags",
    question="Has the guest's CPU nothing that must not be migrated?",
    applies_if=("vm.cpu",),
    reads=("vm.cpu",),
    also_reads=("vm.timers", "source.cpu.tsc.invariant", *_VM, *offer_reads("source")),
)
@unless_offline
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
    if policy in {"require", "force"} or INVARIANT_TSC in expanded_features(vm.cpu):
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
    given = offer(case.vm, case.source)
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


@fact(
    "cpu.enlightenments",
    question="Does the guest keep its Hyper-V and KVM enlightenments?",
    applies_if=("vm.hypervisor_features.hyperv", "vm.hypervisor_features.hyperv_mode"),
    reads=(
        "vm.domain_type",
        "vm.hypervisor_features",
        "source.kernel.release",
        "destination.kernel.release",
    ),
    also_reads=("source.cpu.kvm.hyperv", "destination.cpu.kvm.hyperv"),
)
@unless_offline
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


FACTS = (model_usable, migratable_flags, enlightenments)
