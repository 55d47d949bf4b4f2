"""What both hosts of a case can give to the guest."""

from vmfit.v1.hypervisor_pb2 import HostCpuModel
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.evaluation.reads import chooses, reads
from vmfit_comparator.knowledge.capabilities import destination_capabilities, source_capabilities
from vmfit_comparator.knowledge.connections import on_connections
from vmfit_comparator.knowledge.cpu.offer import Offer, expanded_model, offers, processor_features
from vmfit_contract.cpu_features import Feature

_NAMED = ("cpu.features", "cpu.vendor")
# What features are worked out of tells people nothing.
_REGISTERS = ("cpu.core_kinds", "cpu.msrs", "cpu.kvm.feature_msrs")
_KIND = ("cpu.kvm.supported_leaves", "cpu.family", "cpu.model", "cpu.stepping")
_HOST_MODEL = "domain_capabilities.host_model"


def _of(side: str, *paths: str) -> tuple[str, ...]:
    return tuple(f"{side}.{each}" for each in paths)


@reads(*on_connections("source", _HOST_MODEL))
def source_host_model(case: Case) -> HostCpuModel | None:
    """Return the expanded best CPU that the source gives to such guests; None if unknown."""
    return expanded_model(source_capabilities(case))


@reads(*on_connections("destination", _HOST_MODEL))
def destination_host_model(case: Case) -> HostCpuModel | None:
    """Return the expanded best CPU that the destination gives to such guests; None if unknown."""
    return expanded_model(destination_capabilities(case))


@reads("vm.domain_type", *_of("source", *_NAMED))
@chooses(*_of("source", *_REGISTERS, *_KIND))
@once
def source_offers(case: Case) -> tuple[Offer, ...]:
    """Return what is known of the source's offer, the best first."""
    return tuple(offers(source_host_model(case), case.vm, case.source.cpu))


@reads("vm.domain_type", *_of("destination", *_NAMED))
@chooses(*_of("destination", *_REGISTERS, *_KIND))
@once
def destination_offers(case: Case) -> tuple[Offer, ...]:
    """Return what is known of the destination's offer, the best first."""
    return tuple(offers(destination_host_model(case), case.vm, case.destination.cpu))


def source_offer(case: Case) -> Offer | None:
    """Return what the source gives to such guests, by the best that is known."""
    return next(iter(source_offers(case)), None)


def destination_offer(case: Case) -> Offer | None:
    """Return what the destination gives to such guests, by the best that is known."""
    return next(iter(destination_offers(case)), None)


def like_offers(case: Case) -> tuple[Offer, Offer] | None:
    """Return the best offers of both hosts that are known in the same way; None without any."""
    others = {each.source: each for each in destination_offers(case)}
    return next(
        ((each, others[each.source]) for each in source_offers(case) if each.source in others), None
    )


@reads("source.cpu.features")
@chooses(*_of("source", *_REGISTERS))
@once
def source_processor(case: Case) -> frozenset[Feature]:
    """Return the features that every core of the source has."""
    return processor_features(case.source.cpu)


@reads("destination.cpu.features")
@chooses(*_of("destination", *_REGISTERS))
@once
def destination_processor(case: Case) -> frozenset[Feature]:
    """Return the features that every core of the destination has."""
    return processor_features(case.destination.cpu)
