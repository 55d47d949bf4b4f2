"""Can the destination give the guest every CPU feature that it sees?"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from vmfit.v1.finding_pb2 import (
    ChangeDefinition,
    DisableCpuFeatures,
    Remedy,
)
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.connections import destination_libvirt_version
from vmfit_comparator.knowledge.cpu.architectures import by_architecture
from vmfit_comparator.knowledge.cpu.compare import Comparison, Fit, compare
from vmfit_comparator.knowledge.cpu.guest import (
    PASSED_THROUGH,
    has_no_model,
    live_cpu,
    live_features,
    needed_features,
)
from vmfit_comparator.knowledge.cpu.hosts import destination_offer
from vmfit_comparator.knowledge.cpu.offer import Offer
from vmfit_comparator.knowledge.cpu.probed import destination_probed, forbidding_features
from vmfit_comparator.knowledge.cpu.special_features import HINTS, NEVER_ASKED
from vmfit_contract.cpu_features import Feature, names
from vmfit_contract.cpu_features import features as features_of

_CHECKS_FORBIDDEN = 9_000_000
"""A libvirt that was seen to refuse guests that run and forbid features; older ones may."""


_BASELINE = Remedy(
    summary="Start the guest with a named CPU model that both hosts can give, without <vendor>",
    change_definition=ChangeDefinition(element="cpu", value="see vmfit baseline"),
)


@fact(
    applies_if="vm.cpu",
    needs=("vm.domain_type", "vm.cpu"),
    reads=("incoming.cpu.unknown_features",),
)
def features(case: Case) -> Result:
    """Compare the guest's features, one by one, with what the destination's hypervisor gives.

    All there is YES, from the hypervisor's own word; PROBABLY_YES when only KVM's word or the
    processor's features are known. Whatever the hosts call a feature, its bit is compared. A
    feature that the destination's libvirt has no name for is NO, even where the definition disables
    it. Any missing one is NO by the word of the hypervisor or of KVM, else PROBABLY_NO, and all are
    named: libvirt makes check='full' of whatever a running guest has, forced features included, and
    refuses. It refuses as well what the definition forbids and the destination's CPU has: NO for
    what KVM gives, and for what an emulated CPU has beyond its model, by a libvirt that was seen to
    do so, PROBABLY_NO by an older one; NO_IDEA for what only the processor has, as libvirt refuses
    only what the processor's model lacks, and does not tell which it took. A definition that is not
    running yet (check='partial', or none given) must also match what it says of vendor, forbidden
    features and match='strict'; what the source's processor has and its KVM does not give, the
    guest will start without. Passed-through CPUs are judged by cpu.mode_passthrough.

    On other architectures nobody tells features, or few do. On POWER the model's generation counts;
    a guest of KVM on Arm sees its host's own registers: another core, revision or feature is NO, an
    older kernel PROBABLY_NO. On s390x without the hypervisor's word, riscv64 and loongarch64 two
    hosts alike are YES, others NO_IDEA or PROBABLY_NO. A CPU that QEMU emulates is YES if versions
    are equal, else PROBABLY_YES.

    Source: libvirt virCPUCompare and virCPUUpdateLive; virConnectGetDomainCapabilities.
    """
    cpu = live_cpu(case)
    if cpu.mode in PASSED_THROUGH:
        return not_applicable(f"mode {cpu.mode} is judged by cpu.mode_passthrough")
    if has_no_model(cpu):
        return yes("the guest has the hypervisor's default CPU")
    unknown = case.incoming.cpu.unknown_features
    if unknown:
        return _unknown(unknown)
    elsewhere = by_architecture(case)
    if elsewhere is not None:
        return elsewhere
    given = destination_offer(case)
    if given is None:
        missing = "destination.hypervisor.connections.domain_capabilities.host_model"
        return no_idea("nothing tells which CPU features the destination gives", missing=[missing])
    return _compared(case, given) if cpu.expanded else _explicit_only(case, given)


def _compared(case: Case, given: Offer) -> Result:
    cpu = live_cpu(case)
    needed = needed_features(case)
    lacking = needed - given.features
    if cpu.check in {"", "partial"} and not lacking:
        # libvirt compares before it leaves out what QEMU is never asked for.
        also_given = live_features(case).required - NEVER_ASKED
        probed = destination_probed(case)
        comparison = compare(cpu, given.told | probed | also_given, given.vendor)
        if comparison.missing:
            return _lacking(comparison.missing, given)
        if comparison.fit is Fit.INCOMPATIBLE:
            return _refused(comparison)
    if lacking:
        return _lacking(lacking, given)
    refused = _forbidden(live_features(case).forbidden, case)
    return refused or _all_there(needed, given)


def _all_there(needed: AbstractSet[Feature], given: Offer) -> Result:
    text = f"all {len(needed)} features of the guest are in {given.source}"
    return yes(text) if given.firm else probably_yes(text)


def _forbidden(forbidden: AbstractSet[Feature], case: Case) -> Result | None:
    if not forbidden:
        return None
    listed = forbidden & forbidding_features(case)
    if listed:
        checks = destination_libvirt_version(case) >= _CHECKS_FORBIDDEN
        return (no if checks else probably_no)(_forbids(listed), remedies=[_disable(listed)])
    perhaps = forbidden & destination_probed(case)
    if not perhaps:
        return None
    text = f"{_forbids(perhaps)}; KVM does not give it, and libvirt's list of it is not known"
    return no_idea(text, remedies=[_disable(perhaps)])


def _lacking(lacking: AbstractSet[Feature], given: Offer) -> Result:
    listed = ", ".join(names(lacking))
    text = f"{given.source} lacks {listed} (the guest was started with them)"
    if HINTS.issuperset(lacking):
        text += "; they are only hints for speed, libvirt refuses all the same"
    remedy = Remedy(
        summary=f"Start the guest without {listed}, or with a CPU model that lacks them",
        disable_cpu_features=DisableCpuFeatures(features=names(lacking)),
    )
    return (no if given.lacks_firmly(lacking) else probably_no)(text, remedies=[remedy])


def _unknown(unknown: Sequence[str]) -> Result:
    listed = ", ".join(unknown)
    remedies = [
        upgrade("libvirt", ""),
        Remedy(
            summary=f"Give the destination a definition without {listed}, with --xml",
            disable_cpu_features=DisableCpuFeatures(features=unknown),
        ),
    ]
    return no(f"the destination's libvirt does not know the feature {listed}", remedies=remedies)


def _refused(comparison: Comparison) -> Result:
    if comparison.vendor:
        return no(f"the definition asks for a CPU from {comparison.vendor}", remedies=[_BASELINE])
    if comparison.forbidden:
        return no(_forbids(comparison.forbidden), remedies=[_disable(comparison.forbidden)])
    listed = ", ".join(names(comparison.extra))
    text = f"match='strict', and the destination's CPU also has {listed}"
    return no(text, remedies=[_disable(comparison.extra)])


def _forbids(forbidden: AbstractSet[Feature]) -> str:
    return f"the destination's CPU has {', '.join(names(forbidden))}, which the definition forbids"


def _disable(unwanted: AbstractSet[Feature]) -> Remedy:
    return Remedy(
        summary="Disable these features instead of forbidding them; match='exact'",
        disable_cpu_features=DisableCpuFeatures(features=names(unwanted)),
    )


def _explicit_only(case: Case, given: Offer) -> Result:
    cpu = live_cpu(case)
    explicit = features_of(each.name for each in cpu.features if each.policy == "require")
    lacking = explicit - given.features
    if lacking:
        return _lacking(lacking, given)
    why = cpu.expansion_error or "nobody expanded it"
    text = f"the features of {cpu.model or cpu.mode} are not known ({why})"
    return no_idea(text, missing=["vm.cpu.expanded_features"])
