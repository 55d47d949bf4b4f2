"""Compares the CPU that a guest asks for with what a host can give, as libvirt does it."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum

from vmfit.v1.vm_pb2 import GuestCpu
from vmfit_comparator.knowledge.cpu_names import REMOVED_FROM_MODELS, canonical, vendor_name


class Fit(Enum):
    """libvirt's three answers."""

    IDENTICAL = "identical"
    SUPERSET = "superset"
    INCOMPATIBLE = "incompatible"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a guest's CPU fits. The lists are sorted; what decides is the first that is not empty."""

    fit: Fit
    vendor: str = ""
    """The vendor that the guest requires, when the host's is another."""
    forbidden: tuple[str, ...] = ()
    """Features that the guest forbids and the host has."""
    missing: tuple[str, ...] = ()
    """Features that the guest needs and the host lacks."""
    extra: tuple[str, ...] = ()
    """Features that the host has beyond the guest's; they matter with match='strict' alone."""


@dataclass(frozen=True, slots=True)
class GuestFeatures:
    """A guest's features by what it makes of them."""

    required: frozenset[str]
    allowed: frozenset[str]
    """What may be there without counting as extra: forced, optional and disabled features."""
    forbidden: frozenset[str]


def guest_features(cpu: GuestCpu) -> GuestFeatures:
    """Sort out an expanded CPU: what is forced or optional need not come from the host."""
    by_policy: dict[str, set[str]] = {}
    for feature in cpu.features:
        by_policy.setdefault(feature.policy, set()).add(feature.name)
    allowed = canonical(
        by_policy.get("force", set())
        | by_policy.get("optional", set())
        | by_policy.get("disable", set())
    )
    required = canonical(cpu.expanded_features) - allowed
    removed = REMOVED_FROM_MODELS.get(cpu.model)
    if removed is not None and removed not in by_policy.get("require", ()):
        required -= {removed}
    return GuestFeatures(
        required=required,
        allowed=allowed,
        forbidden=canonical(by_policy.get("forbid", ())),
    )


def compare(cpu: GuestCpu, host: AbstractSet[str], host_vendor: str | None = None) -> Comparison:
    """Compare an expanded guest CPU with a host's features, both by libvirt's names.

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
    guest = guest_features(cpu)
    forbidden = guest.forbidden & host
    if forbidden:
        return Comparison(Fit.INCOMPATIBLE, forbidden=tuple(sorted(forbidden)))
    missing = guest.required - host
    if missing:
        return Comparison(Fit.INCOMPATIBLE, missing=tuple(sorted(missing)))
    extra = tuple(sorted(host - guest.required - guest.allowed))
    if not extra:
        return Comparison(Fit.IDENTICAL)
    strict = cpu.match == "strict"
    return Comparison(Fit.INCOMPATIBLE if strict else Fit.SUPERSET, extra=extra)
