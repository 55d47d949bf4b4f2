"""Compares the CPU that a guest asks for with what a host can give, as libvirt does it."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum

from vmfit.v1.vm_pb2 import GuestCpu
from vmfit_comparator.knowledge.cpu.special_features import NESTED_VMX, VMX
from vmfit_comparator.knowledge.cpu.vendors import vendor_name
from vmfit_contract.cpu_features import Feature, features

_NONE: frozenset[Feature] = frozenset()


class Fit(Enum):
    """libvirt's three answers."""

    IDENTICAL = "identical"
    SUPERSET = "superset"
    INCOMPATIBLE = "incompatible"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a guest's CPU fits; what decides is the first that is not empty."""

    fit: Fit
    vendor: str = ""
    """The vendor that the guest requires, when the host's is another."""
    forbidden: frozenset[Feature] = _NONE
    """Features that the guest forbids and the host has."""
    missing: frozenset[Feature] = _NONE
    """Features that the guest needs and the host lacks."""
    extra: frozenset[Feature] = _NONE
    """Features that the host has beyond the guest's; they matter with match='strict' alone."""


@dataclass(frozen=True, slots=True)
class GuestFeatures:
    """A guest's features by what it makes of them."""

    seen: frozenset[Feature]
    """All that the expanded CPU has."""
    required: frozenset[Feature]
    allowed: frozenset[Feature]
    """What may be there without counting as extra: forced, optional and disabled features."""
    disabled: frozenset[Feature]
    forbidden: frozenset[Feature]


def expanded_features(cpu: GuestCpu) -> frozenset[Feature]:
    """Return all features of an expanded CPU."""
    return features(cpu.expanded_features)


def guest_features(cpu: GuestCpu) -> GuestFeatures:
    """Sort out an expanded CPU: what is forced or optional need not come from the host."""
    by_policy: dict[str, list[str]] = {}
    for each in cpu.features:
        by_policy.setdefault(each.policy, []).append(each.name)
    allowed = features(
        name for policy in ("force", "optional", "disable") for name in by_policy.get(policy, ())
    )
    seen = expanded_features(cpu)
    if VMX not in seen:
        # Models may name features of a VMX that the guest does not have.
        seen -= NESTED_VMX
    return GuestFeatures(
        seen=seen,
        required=seen - allowed,
        allowed=allowed,
        disabled=features(by_policy.get("disable", ())),
        forbidden=features(by_policy.get("forbid", ())),
    )


def compare(
    cpu: GuestCpu, host: AbstractSet[Feature], host_vendor: str | None = None
) -> Comparison:
    """Compare an expanded guest CPU with a host's features.

    The vendor decides first, then forbidden features, then missing ones, then extra ones for
    match='strict'. A CPU that is passed through fits by definition. A `host_vendor` of None is
    unknown and passes; one that libvirt has no name for is not the vendor asked for.

    Source: libvirt virCPUCompare, docs/formatdomain.rst (CPU model and topology).
    """
    if cpu.mode in {"host-passthrough", "maximum"}:
        return Comparison(Fit.IDENTICAL)
    vendor = vendor_name(cpu.vendor)
    if vendor and host_vendor is not None and vendor != vendor_name(host_vendor):
        return Comparison(Fit.INCOMPATIBLE, vendor=vendor)
    return compare_features(guest_features(cpu), host, strict=cpu.match == "strict")


def compare_features(
    guest: GuestFeatures, host: AbstractSet[Feature], *, strict: bool
) -> Comparison:
    """Compare what a guest makes of features with a host's; `strict` allows no others."""
    forbidden = guest.forbidden & host
    if forbidden:
        return Comparison(Fit.INCOMPATIBLE, forbidden=forbidden)
    missing = guest.required - host
    if missing:
        return Comparison(Fit.INCOMPATIBLE, missing=missing)
    extra = frozenset(host - guest.required - guest.allowed)
    if not extra:
        return Comparison(Fit.IDENTICAL)
    return Comparison(Fit.INCOMPATIBLE if strict else Fit.SUPERSET, extra=extra)
