"""What a guest's CPU needs, and what a host's hypervisor can give to it."""

from dataclasses import dataclass

from vmfit.v1.cpu_pb2 import Cpu
from vmfit.v1.hypervisor_pb2 import HostCpuModel
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import GuestCpu, Vm
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.knowledge.connections import domain_capabilities_for
from vmfit_comparator.knowledge.cpu_compare import guest_features
from vmfit_comparator.knowledge.cpu_names import (
    KVM_ALWAYS,
    NEVER_ASKED,
    NOT_IN_HOST_MODELS,
    canonical,
)

PASSED_THROUGH = frozenset(("host-passthrough", "maximum"))
_TSX = frozenset(("hle", "rtm"))


@dataclass(frozen=True, slots=True)
class Offer:
    """Features that a host can give to guests of one type."""

    features: frozenset[str]
    firm: bool
    """The hypervisor itself said so; else it follows from the processor or QEMU's nature."""
    vendor: str | None
    source: str
    """Where it comes from, for people."""
    told: frozenset[str]
    """Those of the features that the host itself names: all that counts as more than wanted."""


def live_cpu(migration: Migration) -> GuestCpu:
    """Return the CPU as the source describes it: what the guest sees.

    The destination's description counts only where the source could not expand the model: host
    models and optional features are expanded with the describing host's own CPU.
    """
    source = migration.vm.cpu
    return source if source.expanded else migration.incoming.cpu


def needed_features(migration: Migration) -> frozenset[str]:
    """Return the features that the destination must give, by libvirt's names.

    A running guest keeps what it has: libvirt's check='full' spares not even forced features. Of a
    definition that is not running yet, forced and optional features count if the source
    gives them, and with check='none' nothing counts that the source would leave out.
    """
    cpu = live_cpu(migration)
    guest = guest_features(cpu)
    perhaps = canonical(cpu.expanded_features) & guest.allowed
    if cpu.check == "full":
        return guest.required | perhaps
    given = offer(migration.vm, migration.source)
    if given is None or not given.firm:
        return guest.required
    if cpu.check == "none":
        return (guest.required | perhaps) & given.features
    return guest.required | (perhaps & given.features)


def has_no_model(cpu: GuestCpu) -> bool:
    """Tell whether the definition leaves the CPU to the hypervisor's default."""
    return not cpu.model and cpu.mode in {"", "custom"}


def host_model(vm: Vm, snapshot: Snapshot) -> HostCpuModel | None:
    """Return the expanded best CPU for guests of the VM's type there; None when it is unknown."""
    capabilities = domain_capabilities_for(vm, snapshot)
    if capabilities is None or not capabilities.host_model.expanded:
        return None
    return capabilities.host_model


def _tsx_is_broken(cpu: Cpu) -> bool:
    """Tell whether QEMU hides TSX: of Haswell, whose first steppings get it wrong.

    Source: QEMU host_tsx_broken; libvirt x86DataFilterTSX.
    """
    if cpu.vendor != "GenuineIntel" or cpu.family != 6 or not cpu.HasField("stepping"):
        return False
    return cpu.model in {60, 69, 70} or (cpu.model == 63 and cpu.stepping < 4)


def offer(vm: Vm, snapshot: Snapshot) -> Offer | None:
    """Return what the host gives to guests of the VM's type; None when nothing is known.

    What TCG emulates is known from the hypervisor alone: it differs between versions of QEMU.

    Firm is the hypervisor's own host model, with what that leaves out although guests may have it:
    features that are never switched on by themselves, and the invariant TSC.
    """
    model = host_model(vm, snapshot)
    kvm = vm.domain_type == "kvm"
    processor = snapshot.cpu.features
    if model is not None:
        told = canonical(model.features)
        features = told | NEVER_ASKED
        if kvm:
            features |= NOT_IN_HOST_MODELS
            if "invtsc" in processor:
                features |= {"invtsc"}
        source = "the hypervisor's host model"
        return Offer(features, firm=True, vendor=model.vendor, source=source, told=told)
    if kvm and processor:
        told = canonical(processor)
        if _tsx_is_broken(snapshot.cpu):
            told -= _TSX
        features = told | KVM_ALWAYS | NEVER_ASKED
        vendor = snapshot.cpu.vendor
        return Offer(features, firm=False, vendor=vendor, source="the processor", told=told)
    return None
