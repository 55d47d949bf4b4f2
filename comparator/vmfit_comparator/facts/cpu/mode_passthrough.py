"""Does a guest with its host's own CPU find the same CPU there?"""

from collections.abc import Set as AbstractSet

from vmfit.v1.finding_pb2 import (
    QUALITY_REDUCED,
    Consequence,
    DisableCpuFeatures,
    Remedy,
    UseCpuModel,
)
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.cpu.architectures import by_architecture
from vmfit_comparator.knowledge.cpu.guest import PASSED_THROUGH, source_features
from vmfit_comparator.knowledge.cpu.hosts import (
    destination_host_model,
    destination_processor,
    like_offers,
    source_host_model,
)
from vmfit_comparator.knowledge.cpu.offer import Offer
from vmfit_comparator.knowledge.cpu.special_features import HINTS, INSTRUCTIONS
from vmfit_contract.cpu_features import Feature, features, names

_HOST_MODEL = "hypervisor.connections.domain_capabilities.host_model"


_NAMED = Remedy(
    summary="Start the guest with a named CPU model that both hosts can give",
    use_cpu_model=UseCpuModel(),
)


@fact(
    applies_if="vm.cpu",
    needs=("vm.cpu", "vm.domain_type"),
    reads=(
        *("source.cpu.family", "source.cpu.model", "source.cpu.stepping"),
        *("destination.cpu.family", "destination.cpu.model", "destination.cpu.stepping"),
        *("source.cpu.microcode_revisions", "destination.cpu.microcode_revisions"),
        *("source.kernel.release", "destination.kernel.release"),
    ),
    consequence=Consequence.CONSEQUENCE_BREAKS_GUEST,
)
def mode_passthrough(case: Case) -> Result:
    """Compare both hosts' CPUs for a guest with mode host-passthrough or maximum.

    libvirt does not check it: with fewer features the migration may succeed, and the guest
    loses them while it runs. A feature missing there is NO under KVM, whose state may not load
    without it, if the hypervisors say so. PROBABLY_NO if they leave out what the processor has, as
    not every guest uses it, and by the processors alone, for the guest may never have had it.
    PROBABLY_YES of REDUCED quality are hints for speed, instructions that only KVM or QEMU leaves
    out there and the processor has, for the guest goes on using them, and all under TCG, where the
    guest breaks only if it uses the feature. The same features are YES under TCG, which emulates
    them, and under KVM when family, model, stepping, microcode and kernel agree too; else, and with
    more features there, PROBABLY_YES of REDUCED quality. Unknown features are NO_IDEA. Other
    architectures are judged as cpu.features does.

    Source: libvirt docs/formatdomain.rst, host-passthrough and maximum; lab measurements.
    """
    vm = case.vm
    if vm.cpu.mode not in PASSED_THROUGH:
        return not_applicable(f"the guest's CPU is of mode {vm.cpu.mode or 'custom'}")
    elsewhere = by_architecture(case)
    if elsewhere is not None:
        return elsewhere
    offers = like_offers(case)
    if offers is None:
        return _unknown(case)
    before, after = offers
    seen = source_features(case) if vm.cpu.expanded else before.features
    switched_off = features(
        each.name for each in vm.cpu.features if each.policy in {"disable", "forbid"}
    )
    lacking = seen - after.features - switched_off
    if lacking:
        return _lost(lacking, before, after, case)
    return _kept(after.features - before.features - switched_off, before, after, case)


def _kept(gained: AbstractSet[Feature], before: Offer, after: Offer, case: Case) -> Result:
    if case.vm.domain_type != "kvm" and before.firm and before.features == after.features:
        return yes("both hypervisors emulate the same CPU")
    differences = _differences(case)
    if gained:
        differences.append(f"it gains {', '.join(names(gained))}")
    if not differences and before.firm:
        return yes("both hosts have the same CPU, microcode and kernel")
    text = "; ".join(differences) or "the features are known from the processors alone"
    return probably_yes(f"nothing is lost, but {text}", quality=QUALITY_REDUCED)


def _unknown(case: Case) -> Result:
    models = {"source": source_host_model(case), "destination": destination_host_model(case)}
    unknown = [side for side, model in models.items() if model is None]
    missing = [f"{side}.{_HOST_MODEL}" for side in unknown]
    return no_idea(f"the CPU that the {unknown[0]} gives is not known", missing=missing)


def _lost(lacking: AbstractSet[Feature], before: Offer, after: Offer, case: Case) -> Result:
    listed = ", ".join(names(lacking))
    remedy = Remedy(
        summary=f"Start the guest without {listed}",
        disable_cpu_features=DisableCpuFeatures(features=names(lacking)),
    )
    text = f"the guest would lose {listed} while it runs; libvirt does not check it"
    remedies = [remedy, _NAMED]
    has = destination_processor(case)
    if case.vm.domain_type != "kvm" or lacking <= HINTS | (INSTRUCTIONS & has):
        return probably_yes(text, probability=0.7, quality=QUALITY_REDUCED, remedies=remedies)
    known = (before.firm or case.vm.cpu.expanded) and after.lacks_firmly(lacking)
    return (no if known and not lacking <= has else probably_no)(text, remedies=remedies)


def _differences(case: Case) -> list[str]:
    """Return in words what differs of what a guest with its host's CPU may notice."""
    if case.vm.domain_type != "kvm":
        return []
    before, after = case.source.cpu, case.destination.cpu
    pairs = {
        "the family": (before.family, after.family),
        "the model": (before.model, after.model),
        "the stepping": (before.stepping, after.stepping),
        "the microcode": (list(before.microcode_revisions), list(after.microcode_revisions)),
        "the kernel": (case.source.kernel.release, case.destination.kernel.release),
    }
    return [f"{name} differs ({a}, {b})" for name, (a, b) in pairs.items() if a != b]
