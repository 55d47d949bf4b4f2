"""Known migration bugs between versions, read from known_regressions.yaml."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.versions import kernel_version, version_number


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range of versions: `minimum` is inclusive, `below` exclusive, 0 unbounded."""

    minimum: int
    below: int

    def hold(self, version: int) -> bool:
        """Tell whether a known version lies in the range."""
        return bool(version) and self.minimum <= version < (self.below or version + 1)


@dataclass(frozen=True, slots=True)
class Regression:
    """One entry: all that it states must hold."""

    id: str
    summary: str
    package: str
    fixed_in: str
    references: tuple[str, ...]
    domain_type: str
    minimum_vcpu_count: int
    guest_lacks: frozenset[str]
    hosts_features: frozenset[str]
    added_features: frozenset[str]
    """What the newer side gives to the guest beyond what it had."""
    bounds: tuple[tuple[str, Bounds], ...]
    """Ranges by what they are about, such as "source_kernel"."""


_BOUNDED = tuple(
    f"{side}_{what}"
    for side in ("source", "destination")
    for what in ("hypervisor", "libvirt", "kernel")
)


@cache
def regressions() -> tuple[Regression, ...]:
    """Return all entries; KeyError or ValueError when the file is malformed."""
    text = (
        resources.files("vmfit_comparator.knowledge").joinpath("known_regressions.yaml").read_text()
    )
    return tuple(_parse(entry) for entry in yaml.safe_load(text))


def _parse(entry: dict[str, Any]) -> Regression:
    return Regression(
        id=entry["id"],
        summary=entry["summary"],
        package=entry["package"],
        fixed_in=entry["fixed_in"],
        references=tuple(entry["references"]),
        domain_type=entry.get("domain_type", ""),
        minimum_vcpu_count=entry.get("minimum_vcpu_count", 0),
        guest_lacks=frozenset(entry.get("guest_lacks", ())),
        hosts_features=frozenset(entry.get("hosts_features", ())),
        added_features=frozenset(entry.get("added_features", ())),
        bounds=tuple((name, _bounds(entry[name])) for name in _BOUNDED if name in entry),
    )


def _bounds(entry: dict[str, str]) -> Bounds:
    return Bounds(
        version_number(entry.get("minimum", "0")),
        version_number(entry["below"]) if "below" in entry else 0,
    )


def matching_regressions(migration: Migration) -> list[Regression]:
    """Return the entries that concern this migration."""
    versions = _versions(migration)
    return [
        each
        for each in regressions()
        if all(bounds.hold(versions[name]) for name, bounds in each.bounds)
        and _concerns(each, migration)
    ]


def _versions(migration: Migration) -> dict[str, int]:
    found = {}
    for side in ("source", "destination"):
        snapshot = getattr(migration, side)
        connection = connection_for(migration.vm, snapshot)
        found[f"{side}_hypervisor"] = connection.hypervisor_version if connection else 0
        found[f"{side}_libvirt"] = connection.libvirt_version if connection else 0
        major, minor, release = (*kernel_version(snapshot.kernel.release), 0, 0, 0)[:3]
        found[f"{side}_kernel"] = major * 1_000_000 + minor * 1000 + min(release, 999)
    return found


def _concerns(each: Regression, migration: Migration) -> bool:
    vm = migration.vm
    if each.domain_type and each.domain_type != vm.domain_type:
        return False
    if vm.vcpus.current_count < each.minimum_vcpu_count:
        return False
    if each.guest_lacks and (
        not vm.cpu.expanded or not each.guest_lacks.isdisjoint(vm.cpu.expanded_features)
    ):
        return False
    return each.hosts_features.issubset(migration.source.cpu.features) and (
        each.hosts_features.issubset(migration.destination.cpu.features)
    )
