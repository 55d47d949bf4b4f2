"""Known migration bugs between versions, read from known_regressions.yaml."""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.knowledge.connections import (
    destination_hypervisor_version,
    destination_libvirt_version,
    source_hypervisor_version,
    source_libvirt_version,
)
from vmfit_comparator.knowledge.regression_conditions import (
    CONDITIONS,
    Range,
    in_ranges,
    parse_ranges,
)
from vmfit_comparator.knowledge.versions import kernel_version
from vmfit_contract.cpu_features import Feature, features

# Kernels of RHEL's and SLE's kin keep a version for years, and take in what they need of others.
_LONG_LIVED = re.compile(r"\.el\d|-1[56]0\d{3}\.")
VERSIONS = tuple(
    f"{side}_{what}"
    for side in ("source", "destination")
    for what in ("hypervisor", "libvirt", "kernel")
)
"""What has a version that an entry can ask for."""


@dataclass(frozen=True, slots=True)
class Regression:
    """One entry: all that it states must hold."""

    id: str
    summary: str
    package: str
    fixed_in: str
    references: tuple[str, ...]
    added_features: frozenset[Feature]
    """What the newer side gives to the guest beyond what it had."""
    versions: tuple[tuple[str, tuple[Range, ...]], ...]
    """Ranges by what they are about, such as "source_kernel"."""
    conditions: tuple[tuple[str, Any], ...]
    """What else must hold, by the names of CONDITIONS."""


@cache
def regressions() -> tuple[Regression, ...]:
    """Return all entries; KeyError or ValueError when the file is malformed."""
    text = (
        resources.files("vmfit_comparator.knowledge").joinpath("known_regressions.yaml").read_text()
    )
    return tuple(_parse(entry) for entry in yaml.safe_load(text))


def _parse(entry: dict[str, Any]) -> Regression:
    when = entry["when"]
    return Regression(
        id=entry["id"],
        summary=entry["summary"],
        package=entry["package"],
        fixed_in=entry["fixed_in"],
        references=tuple(entry["references"]),
        added_features=features(entry.get("added_features", ())),
        versions=tuple((name, parse_ranges(when[name])) for name in VERSIONS if name in when),
        conditions=tuple((name, when[name]) for name in CONDITIONS if name in when),
    )


@chooses("source.kernel.release", "destination.kernel.release")
@once
def matching_regressions(case: Case) -> list[Regression]:
    """Return the entries that concern this migration."""
    versions = _versions(case)
    return [
        each
        for each in regressions()
        if all(in_ranges(ranges, versions[name]) for name, ranges in each.versions)
        and all(CONDITIONS[name](wanted, case) for name, wanted in each.conditions)
    ]


def _versions(case: Case) -> dict[str, int]:
    return {
        "source_hypervisor": source_hypervisor_version(case),
        "source_libvirt": source_libvirt_version(case),
        "source_kernel": _upstream_kernel(case.source.kernel.release),
        "destination_hypervisor": destination_hypervisor_version(case),
        "destination_libvirt": destination_libvirt_version(case),
        "destination_kernel": _upstream_kernel(case.destination.kernel.release),
    }


def _upstream_kernel(release: str) -> int:
    """Return 6001012 for "6.1.12-amd64"; 0, unknown, for what only begins as upstream's."""
    if _LONG_LIVED.search(release):
        return 0
    major, minor, patch = (*kernel_version(release), 0, 0, 0)[:3]
    return major * 1_000_000 + minor * 1000 + min(patch, 999)
