"""What a guest's CPU needs of the host that it comes to."""

from vmfit.v1.vm_pb2 import GuestCpu
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.knowledge.cpu.compare import (
    GuestFeatures,
    expanded_features,
    guest_features,
)
from vmfit_comparator.knowledge.cpu.hosts import source_offer
from vmfit_comparator.knowledge.cpu.probed import source_probed
from vmfit_comparator.knowledge.cpu.special_features import INVARIANT_TSC
from vmfit_contract.cpu_features import Feature, features

PASSED_THROUGH = frozenset(("host-passthrough", "maximum"))


@reads("vm.cpu", "incoming.cpu")
def live_cpu(case: Case) -> GuestCpu:
    """Return the CPU as the source describes it: what the guest sees.

    The destination's description counts only where the source could not expand the model: host
    models and optional features are expanded with the describing host's own CPU.
    """
    source = case.vm.cpu
    return source if source.expanded else case.incoming.cpu


@once
def live_features(case: Case) -> GuestFeatures:
    """Return the features that the guest sees, by what it makes of them."""
    return guest_features(live_cpu(case))


@reads("vm.cpu")
@once
def source_features(case: Case) -> frozenset[Feature]:
    """Return all features of the CPU as the source expanded it; empty where it could not."""
    return expanded_features(case.vm.cpu)


@once
def needed_features(case: Case) -> frozenset[Feature]:
    """Return the features that the destination must give: all but what libvirt does not send.

    A source that knows features of nested virtualisation leaves them out of what it sends where
    they came to the model later, for the sake of older destinations.

    A running guest keeps what it has: libvirt's check='full' spares not even forced features. Of a
    definition that is not running yet, forced and optional features count if the source
    gives them, and with check='none' nothing counts that the source would leave out. Nor does what
    the source's processor has and its KVM does not give: a guest starts without it. With
    match='minimum' it starts with all that the source gives.

    Source: libvirt 9.0 virCPUUpdate, qemuProcessUpdateGuestCPU, VIR_QEMU_CAPS_HOST_CPU_FULL.
    """
    return _asked_of_destination(case) - _left_out(case)


def _asked_of_destination(case: Case) -> frozenset[Feature]:
    cpu, guest = live_cpu(case), live_features(case)
    perhaps = guest.seen & guest.allowed
    if cpu.check == "full":
        return guest.required | perhaps
    given = source_offer(case)
    if given is None or not given.firm:
        return guest.required
    if cpu.match == "minimum":
        perhaps |= given.told - guest.forbidden - guest.disabled - {INVARIANT_TSC}
    if cpu.check == "none":
        return (guest.required | perhaps) & given.features
    left_out = source_probed(case) - given.features
    return (guest.required - left_out) | (perhaps & given.features)


@reads("vm.cpu", "incoming.cpu", "options.destination_xml")
def _left_out(case: Case) -> frozenset[Feature]:
    before, after = case.vm.cpu, case.incoming.cpu
    if case.options.destination_xml or before.model != after.model:
        return frozenset()
    sent = {each.name for each in after.features}
    left_out = {each.name for each in before.features} - sent
    return features(left_out) - features(sent) if left_out else frozenset()


def has_no_model(cpu: GuestCpu) -> bool:
    """Tell whether the definition leaves the CPU to the hypervisor's default."""
    return not cpu.model and cpu.mode in {"", "custom"}
