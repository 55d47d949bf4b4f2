"""How Arm guests' CPUs compare: under KVM a guest sees its host's own processor.

There is no model in between: identification registers are part of the guest's state, and KVM takes
no others than its own.
"""

from collections.abc import Iterable

from vmfit.v1.cpu_pb2 import Cpu
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.versions import kernel_version

ARM = ("aarch64", "armv7l")
# A kernel that lets QEMU set MIDR_EL1 for a guest.
_SETS_MAIN_ID = (6, 15, 0)


@reads(
    *("source.cpu.vendor", "source.cpu.model", "source.cpu.stepping", "source.cpu.features"),
    *("destination.cpu.vendor", "destination.cpu.model", "destination.cpu.stepping"),
    *("destination.cpu.features", "source.cpu.core_kinds", "destination.cpu.core_kinds"),
    *("source.kernel.release", "destination.kernel.release", "vm.vcpus"),
)
def by_registers(case: Case) -> Result:
    """Compare implementer, part, variant and revision of the cores, their features, the kernels.

    Source: Linux Documentation/virt/kvm/api.rst, KVM_GET_REG_LIST and KVM_SET_ONE_REG; QEMU
    target/arm/machine.c, cpu_post_load.
    """
    unknown = [
        f"{side}.cpu.model"
        for side, cpu in (("source", case.source.cpu), ("destination", case.destination.cpu))
        if not cpu.HasField("model")
    ]
    if unknown:
        return no_idea("which Arm cores the hosts have is not known", missing=unknown)
    return _by_kinds(case) or _by_part(case)


def _by_kinds(case: Case) -> Result | None:
    """Judge hosts with several kinds of cores; None where one kind each is all there is."""
    kinds = [_kinds(each.cpu, case.vm) for each in (case.source, case.destination)]
    if all(len(each) <= 1 for each in kinds):
        return None
    here, there = (", ".join(map(hex, sorted(each))) for each in kinds)
    text = f"the guest's vCPUs may run on cores {here} of the source, {there} of the destination"
    if kinds[0].isdisjoint(kinds[1]):
        return no(f"{text}: none is of the same kind")
    return probably_no(f"{text}: pin them to cores of one kind", probability=0.3)


def _kinds(cpu: Cpu, vm: Vm) -> set[int]:
    """Return the main id registers of the cores that the guest's vCPUs may run on."""
    pinned = {cpu_id for pin in vm.vcpus.pins for cpu_id in pin.cpu_ids} or set(vm.vcpus.cpu_ids)
    return {
        kind.main_id_register
        for kind in cpu.core_kinds
        if kind.HasField("main_id_register") and (not pinned or not pinned.isdisjoint(kind.cpu_ids))
    }


def _by_part(case: Case) -> Result:
    here, there = case.source.cpu, case.destination.cpu
    names = _name(here), _name(there)
    if (here.vendor, here.model) != (there.vendor, there.model):
        return no(
            f"the guest runs on {names[0]}, the destination has {names[1]}: KVM gives a guest "
            "its host's own identification registers, and takes no others"
        )
    if here.stepping != there.stepping:
        text = f"the guest runs on {names[0]}, the destination has {names[1]}, another revision"
        settable = kernel_version(case.destination.kernel.release) >= _SETS_MAIN_ID
        return probably_no(text, probability=0.15) if settable else no(text)
    lost = _listed(set(here.features) - set(there.features))
    gained = _listed(set(there.features) - set(here.features))
    if lost:
        return no(f"both hosts have {names[0]}, and the destination's kernel shows no {lost}")
    if gained:
        text = f"both hosts have {names[0]}, and the source's kernel shows no {gained}"
        return probably_no(text, probability=0.25)
    return _by_kernel(names[0], case)


def _by_kernel(name: str, case: Case) -> Result:
    releases = case.source.kernel.release, case.destination.kernel.release
    if releases[0] == releases[1]:
        return yes(f"both hosts have {name} and the same kernel")
    before, after = map(kernel_version, releases)
    text = f"both hosts have {name}, the source's kernel is {releases[0]}, the destination's "
    text += releases[1]
    if after[:2] < before[:2]:
        return probably_no(f"{text}: it may lack registers that the guest has", probability=0.35)
    return probably_yes(f"{text}", probability=0.85)


def _name(cpu: Cpu) -> str:
    variant, revision = cpu.stepping >> 4, cpu.stepping & 0xF
    return f"{cpu.vendor or 'Arm'} cores {cpu.model:#x} r{variant}p{revision}"


def _listed(features: Iterable[str]) -> str:
    return ", ".join(sorted(features))
