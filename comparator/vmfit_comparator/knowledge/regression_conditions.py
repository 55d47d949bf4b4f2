"""What an entry of known_regressions.yaml can ask of a migration."""

import re
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from vmfit.v1.migration_pb2 import StorageCopy
from vmfit.v1.vm_pb2 import GuestTopology
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.knowledge.cpu.compare import expanded_features
from vmfit_comparator.knowledge.versions import version_number
from vmfit_contract.cpu_features import features

# QEMU's own: "pc-q35-7.2", "virt-8.0"; what distributions name otherwise has another history.
_MACHINE_TYPE = re.compile(r"([a-z][a-z0-9-]*?)-(\d+\.\d+)")


Range = tuple[int, int]
"""A minimum, inclusive, and an upper bound, exclusive; 0 is unbounded."""


def parse_ranges(wanted: dict[str, str] | list[dict[str, str]]) -> tuple[Range, ...]:
    """Return the ranges of a mapping, or of a list of them; ValueError for what is no version."""
    ranges = wanted if isinstance(wanted, list) else [wanted]
    return tuple(
        (version_number(each.get("minimum", "0")), version_number(each.get("below", "0")))
        for each in ranges
    )


def in_ranges(ranges: tuple[Range, ...], version: int) -> bool:
    """Tell whether a version lies in one of the ranges; 0, unknown, never does."""
    return version > 0 and any(
        minimum <= version and (not below or version < below) for minimum, below in ranges
    )


@chooses("vm.machine_type")
def _machine(wanted: dict[str, Any], case: Case) -> bool:
    found = _MACHINE_TYPE.fullmatch(case.vm.machine_type)
    if found is None or found[1] not in wanted.get("families", [found[1]]):
        return False
    return in_ranges(parse_ranges(wanted), version_number(found[2]))


@chooses("vm.machine_type")
def _machine_names(wanted: list[str], case: Case) -> bool:
    return case.vm.machine_type in wanted


@chooses("vm.cpu.expanded_features")
def _guest_has(wanted: list[str], case: Case) -> bool:
    return features(wanted) <= expanded_features(case.vm.cpu)


@chooses("vm.cpu.expanded", "vm.cpu.expanded_features")
def _guest_lacks(wanted: list[str], case: Case) -> bool:
    cpu = case.vm.cpu
    return cpu.expanded and features(wanted).isdisjoint(expanded_features(cpu))


@chooses("vm.cpu.topology")
def _socket_threads(wanted: int, case: Case) -> bool:
    # libvirt gives every vCPU a socket of its own where the definition says nothing.
    cpu = case.vm.cpu
    return cpu.HasField("topology") and _threads(cpu.topology) >= wanted


def _threads(topology: GuestTopology) -> int:
    dies = max(topology.die_count, 1) * max(topology.cluster_count, 1)
    return dies * topology.core_count * topology.thread_count


@chooses("vm.hypervisor_features.enabled")
def _features_off(wanted: list[str], case: Case) -> bool:
    return set(wanted).isdisjoint(case.vm.hypervisor_features.enabled)


@chooses("vm.other_devices.kind", "vm.other_devices.model")
def _devices(wanted: list[str], case: Case) -> bool:
    return any(f"{each.kind}/{each.model}" in wanted for each in case.vm.other_devices)


@chooses("vm.other_devices.head_count")
def _heads(wanted: int, case: Case) -> bool:
    return any(each.head_count >= wanted for each in case.vm.other_devices)


@chooses("source.cpu.features", "destination.cpu.features")
def _hosts_features(wanted: list[str], case: Case) -> bool:
    hosts = case.source, case.destination
    return all(features(wanted) <= features(each.cpu.features) for each in hosts)


@chooses("options.tls", "options.parallel", "options.post_copy_resume")
def _options(wanted: list[str], case: Case) -> bool:
    return all(_is_given(case.options, each) for each in wanted)


@chooses("options.tls_destination")
def _options_not(wanted: list[str], case: Case) -> bool:
    return not any(_is_given(case.options, each) for each in wanted)


def _is_given(options: Message, name: str) -> bool:
    return bool(getattr(options, name))


@chooses("options.storage_copy")
def _storage_copies(wanted: list[str], case: Case) -> bool:
    copy = case.options.storage_copy
    return copy in {StorageCopy.Value(f"STORAGE_COPY_{each.upper()}") for each in wanted}


@chooses("vm.architecture")
def _architecture(wanted: str, case: Case) -> bool:
    return case.vm.architecture == wanted


@chooses("vm.domain_type")
def _domain_type(wanted: str, case: Case) -> bool:
    return case.vm.domain_type == wanted


@chooses("vm.cpu.mode")
def _cpu_modes(wanted: list[str], case: Case) -> bool:
    return case.vm.cpu.mode in wanted


@chooses("source.cpu.vendor")
def _processor_vendor(wanted: str, case: Case) -> bool:
    return case.source.cpu.vendor == wanted


CONDITIONS: dict[str, Callable[[Any, Case], bool]] = {
    "machine": _machine,
    "machine_names": _machine_names,
    "architecture": _architecture,
    "domain_type": _domain_type,
    "cpu_modes": _cpu_modes,
    "guest_has": _guest_has,
    "guest_lacks": _guest_lacks,
    "minimum_socket_thread_count": _socket_threads,
    "features_off": _features_off,
    "devices": _devices,
    "minimum_head_count": _heads,
    "hosts_features": _hosts_features,
    "processor_vendor": _processor_vendor,
    "options": _options,
    "options_not": _options_not,
    "storage_copies": _storage_copies,
}
"""By the key under `when`: tells whether what the entry wants holds. Versions are not here."""
