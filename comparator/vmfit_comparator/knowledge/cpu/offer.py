"""What CPU features a host can give to guests, and how well that is known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vmfit.v1.cpu_pb2 import Cpu, CpuidLeaf
from vmfit.v1.cpu_pb2 import Msr as MsrMessage
from vmfit.v1.hypervisor_pb2 import DomainCapabilities, HostCpuModel
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.knowledge.cpu.special_features import (
    FB_CLEAR,
    FROM_PROCESSOR,
    IMPLY_FB_CLEAR,
    INVARIANT_TSC,
    KVM_ALWAYS,
    NEVER_ASKED,
    NOT_IN_HOST_MODELS,
    PERHAPS_BEYOND_KVM,
    TSX,
)
from vmfit_contract.cpu_features import (
    Bit,
    Feature,
    Leaves,
    Msr,
    cpuid_features,
    features,
    msr_features,
    own_leaves,
)


@dataclass(frozen=True, slots=True)
class Offer:
    """Features that a host can give to guests of one type."""

    features: frozenset[Feature]
    firm: bool
    """The hypervisor itself said so; else it follows from KVM, the processor or QEMU's nature."""
    vendor: str | None
    source: str
    """Where it comes from, for people."""
    told: frozenset[Feature]
    """Those of the features that the host itself names: all that counts as more than wanted."""
    kvm_msrs: frozenset[int] | None = None
    """Feature MSRs that KVM told, if the offer is KVM's word; empty if it told none."""

    def lacks_firmly(self, lacking: Iterable[Feature]) -> bool:
        """Tell whether one of the features is certain not to be given.

        KVM lists every CPUID bit that it can give, and QEMU switches on none of the others but
        for few. A feature MSR that it does not list is empty, if it lists any.

        Source: QEMU kvm_arch_get_supported_cpuid, kvm_arch_get_supported_msr_feature.
        """
        return self.firm or (
            self.kvm_msrs is not None and any(self._kvm_rules_out(each) for each in lacking)
        )

    def _kvm_rules_out(self, missing: Feature) -> bool:
        if not isinstance(missing, Bit) or missing in PERHAPS_BEYOND_KVM:
            return False
        return not isinstance(missing.place, Msr) or bool(self.kvm_msrs)


def expanded_model(capabilities: DomainCapabilities | None) -> HostCpuModel | None:
    """Return the best CPU of domain capabilities, None where its features are not known."""
    if capabilities is None or not capabilities.host_model.expanded:
        return None
    return capabilities.host_model


def offers(model: HostCpuModel | None, vm: Vm, cpu: Cpu) -> Iterator[Offer]:
    """Yield what is known of what a host gives to guests of the VM's type, the best first.

    What TCG emulates is known from the hypervisor alone: it differs between versions of QEMU.

    Firm is the hypervisor's own host model, with what that leaves out although guests may have it:
    features that are never switched on by themselves, and the invariant TSC. Next best is KVM's
    word: QEMU gives no more, and as much as its version has names for; then the processor.
    """
    kvm = vm.domain_type == "kvm"
    if model is not None:
        yield _of_host_model(model, cpu, kvm=kvm)
    if not kvm:
        return
    processor = processor_features(cpu)
    told = kvm_features(cpu)
    if told:
        told |= processor & FROM_PROCESSOR
        indexes = frozenset(each.index for each in cpu.kvm.feature_msrs)
        yield _without_word(cpu, told, "what KVM can give", indexes)
    if processor:
        yield _without_word(cpu, processor, "the processor")


def _of_host_model(model: HostCpuModel, cpu: Cpu, *, kvm: bool) -> Offer:
    told = features(model.features)
    given = told | NEVER_ASKED
    if kvm:
        given |= NOT_IN_HOST_MODELS
        if str(INVARIANT_TSC) in cpu.features:
            given |= {INVARIANT_TSC}
    source = "the hypervisor's host model"
    return Offer(given, firm=True, vendor=model.vendor, source=source, told=told)


def _without_word(
    cpu: Cpu, told: frozenset[Feature], source: str, kvm_msrs: frozenset[int] | None = None
) -> Offer:
    if _tsx_is_broken(cpu):
        told -= TSX
    return Offer(
        told | KVM_ALWAYS | NEVER_ASKED,
        firm=False,
        vendor=cpu.vendor if cpu.HasField("vendor") else None,
        source=source,
        told=told,
        kvm_msrs=kvm_msrs,
    )


def _tsx_is_broken(cpu: Cpu) -> bool:
    """Tell whether QEMU hides TSX: of Haswell, whose first steppings get it wrong.

    Source: QEMU host_tsx_broken; libvirt x86DataFilterTSX.
    """
    if cpu.vendor != "GenuineIntel" or cpu.family != 6 or not cpu.HasField("stepping"):
        return False
    return cpu.model in {60, 69, 70} or (cpu.model == 63 and cpu.stepping < 4)


def kvm_features(cpu: Cpu) -> frozenset[Feature]:
    """Return the features that KVM says it can give; empty where it was not asked.

    Source: KVM_GET_SUPPORTED_CPUID, KVM_GET_MSRS of feature MSRs.
    """
    told: set[Feature] = set(cpuid_features(_leaves(cpu.kvm.supported_leaves)))
    told |= msr_features(_values(cpu.kvm.feature_msrs), told)
    if told >= IMPLY_FB_CLEAR:
        told.add(FB_CLEAR)
    return frozenset(told)


def processor_features(cpu: Cpu) -> frozenset[Feature]:
    """Return the features that every core has: from raw CPUID, or by name where nobody read it."""
    kinds = [
        cpuid_features(own_leaves(_leaves(kind.leaves))) for kind in cpu.core_kinds if kind.leaves
    ]
    if not kinds:
        return features(cpu.features)
    common: set[Bit] = set.intersection(*kinds)
    return frozenset(common | msr_features(_values(cpu.msrs or cpu.kvm.feature_msrs), common))


def _leaves(leaves: Iterable[CpuidLeaf]) -> Leaves:
    return {(each.leaf, each.subleaf): (each.eax, each.ebx, each.ecx, each.edx) for each in leaves}


def _values(msrs: Iterable[MsrMessage]) -> dict[int, int]:
    return {each.index: each.value for each in msrs}
