"""What all of several hosts can give to a guest: CPU features, a CPU model, machine types."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vmfit.v1.comparator_service_pb2 import BaselineHost, BaselineResponse
from vmfit.v1.hypervisor_pb2 import CpuModelUsability, DomainCapabilities, HostCpuModel
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.baselines.baseline_elsewhere import fill_elsewhere
from vmfit_comparator.baselines.baseline_model import (
    best_model,
    common_models,
    cpu_xml,
    definitions,
)
from vmfit_comparator.evaluation.applicability import X86
from vmfit_comparator.knowledge.cpu.offer import kvm_features, processor_features
from vmfit_comparator.knowledge.cpu.vendors import vendor_name
from vmfit_contract.cpu_features import Feature, is_hypervisors, names
from vmfit_contract.cpu_features import features as features_of

_NUMBER = re.compile(r"\d+")
_PREFERRED_TYPES = ("kvm", "qemu")


def baseline(
    hosts: Mapping[str, Snapshot], domain_type: str = "", architecture: str = ""
) -> BaselineResponse:
    """Return what all hosts, snapshots by name, can give to a guest.

    An empty `architecture` takes the hosts' own, an empty `domain_type` prefers KVM where all have
    it. What the hypervisor can give decides; where a host does not tell, its processor's features
    stand in for it, with a warning. Raises ValueError naming the host when hosts have nothing in
    common to compare, or when nothing is known of a host's CPU.
    """
    if not hosts:
        raise ValueError("a baseline needs at least one host")
    architecture = architecture or _common_architecture(hosts)
    domain_type = domain_type or _common_domain_type(hosts, architecture)
    _check_kind(hosts, domain_type, architecture)
    if not _by_features(hosts, domain_type, architecture):
        return _elsewhere(hosts, domain_type, architecture)
    views = [_View.of(name, each, domain_type, architecture) for name, each in hosts.items()]
    warnings = [each.warning for each in views if each.warning]
    features = frozenset.intersection(*(each.features for each in views))
    vendor = _common_vendor(views, domain_type, warnings)
    response = BaselineResponse(
        features=names(features),
        vendor=vendor,
        machine_types=_machine_types({view.name: view.machine_types for view in views}, warnings),
        domain_type=domain_type,
        architecture=architecture,
    )
    for view in views:
        extra = names(view.features - features)
        response.hosts.append(BaselineHost(host=view.name, extra_features=extra))
    known = definitions(cpu for view in views for cpu in view.cpus)
    model = best_model(common_models([view.models for view in views], features, known), vendor)
    if model is None:
        warnings.append("no named CPU model is known to run on all hosts, so there is no <cpu>")
    else:
        response.model = model.name
        response.cpu_xml = cpu_xml(model, vendor, features)
    response.warnings.extend(warnings)
    return response


def _by_features(hosts: Mapping[str, Snapshot], domain_type: str, architecture: str) -> bool:
    """Tell whether features make the baseline: on x86, and where all hypervisors told theirs."""
    return (
        domain_type != "kvm"
        or architecture in X86
        or all(
            any(each.host_model.features for each in _capabilities(host, domain_type, architecture))
            for host in hosts.values()
        )
    )


def _elsewhere(
    hosts: Mapping[str, Snapshot], domain_type: str, architecture: str
) -> BaselineResponse:
    warnings: list[str] = []
    offered = {
        name: _offered_machine_types(each, domain_type, architecture)
        for name, each in hosts.items()
    }
    response = BaselineResponse(
        machine_types=_machine_types(offered, warnings),
        domain_type=domain_type,
        architecture=architecture,
        hosts=[BaselineHost(host=name) for name in hosts],
    )
    fill_elsewhere(response, hosts, architecture)
    response.warnings.extend(warnings)
    return response


@dataclass(frozen=True, slots=True)
class _View:
    """What one host can give to guests of the wanted kind."""

    name: str
    snapshot: Snapshot
    features: frozenset[Feature]
    vendor: str
    models: dict[str, CpuModelUsability]
    cpus: tuple[HostCpuModel, ...]
    machine_types: frozenset[str]
    warning: str

    @staticmethod
    def of(name: str, snapshot: Snapshot, domain_type: str, architecture: str) -> "_View":
        capabilities = list(_capabilities(snapshot, domain_type, architecture))
        expanded = [each.host_model for each in capabilities if each.host_model.features]
        host_cpus = [each.host_cpu for each in snapshot.hypervisor.connections]
        warning = ""
        if expanded:
            # Several emulators: only what each of them gives is sure.
            features = frozenset.intersection(*(features_of(each.features) for each in expanded))
        else:
            features, warning = _processor_features(name, snapshot, host_cpus, domain_type)
        # Emulation gives a vendor of its own: the guest's counts.
        models = (each.vendor for each in (*expanded, *host_cpus))
        return _View(
            name,
            snapshot,
            features,
            vendor_name(next(filter(None, models), snapshot.cpu.vendor)),
            _models(capabilities),
            (*expanded, *host_cpus),
            _offered_machine_types(snapshot, domain_type, architecture),
            warning,
        )


def _capabilities(
    snapshot: Snapshot, domain_type: str, architecture: str
) -> Iterable[DomainCapabilities]:
    for connection in snapshot.hypervisor.connections:
        for each in connection.domain_capabilities:
            if each.domain_type == domain_type and each.architecture == architecture:
                yield each


def _processor_features(
    name: str, snapshot: Snapshot, host_cpus: Sequence[HostCpuModel], domain_type: str
) -> tuple[frozenset[Feature], str]:
    guests = domain_type or "the hypervisor"
    kvm = kvm_features(snapshot.cpu) if domain_type in {"kvm", ""} else frozenset()
    if kvm:
        # What KVM adds of its own is no part of libvirt's CPUs.
        own = frozenset(each for each in kvm if not is_hypervisors(each))
        return own, f"{name}: what {guests} gives to guests is known from KVM alone, not QEMU"
    for told in (
        processor_features(snapshot.cpu),
        *(features_of(each.features) for each in host_cpus),
    ):
        if told:
            return told, (
                f"{name}: what {guests} gives to guests is not known; "
                "its processor's features stand in for it, and guests usually get fewer"
            )
    why = next(
        (f": {each.error}" for each in snapshot.parts if each.name == "cpu" and each.error), ""
    )
    raise ValueError(f"{name}: no CPU features are known{why}")


def _models(capabilities: Iterable[DomainCapabilities]) -> dict[str, CpuModelUsability]:
    """Return the models by name; of several emulators, the one that makes least of a model."""
    models: dict[str, CpuModelUsability] = {}
    for each in capabilities:
        for model in each.models:
            other = models.get(model.name)
            if other is None or (other.usable and not model.usable):
                models[model.name] = model
    return models


def _common_architecture(hosts: Mapping[str, Snapshot]) -> str:
    own = {
        name: each.cpu.architecture or each.identity.architecture for name, each in hosts.items()
    }
    known = {architecture for architecture in own.values() if architecture}
    if len(known) > 1:
        listed = ", ".join(f"{name} {each or 'unknown'}" for name, each in own.items())
        raise ValueError(f"the hosts' architectures differ: {listed}")
    if not known:
        raise ValueError("no host tells its architecture; name one")
    return known.pop()


def _common_domain_type(hosts: Mapping[str, Snapshot], architecture: str) -> str:
    offered = {name: _domain_types(each, architecture) for name, each in hosts.items()}
    told = {name: types for name, types in offered.items() if types}
    if not told:
        return ""
    common = frozenset.intersection(*told.values())
    if not common:
        listed = "; ".join(f"{name}: {', '.join(sorted(each))}" for name, each in told.items())
        raise ValueError(f"the hosts have no domain type in common ({listed})")
    return next((each for each in _PREFERRED_TYPES if each in common), min(common))


def _check_kind(hosts: Mapping[str, Snapshot], domain_type: str, architecture: str) -> None:
    """Refuse what a host is known not to run: its processor's features say nothing of that."""
    for name, each in hosts.items():
        types = _domain_types(each, architecture)
        own = each.cpu.architecture or each.identity.architecture
        if not types and own not in ("", architecture):
            raise ValueError(f"{name}: it is not known to run {architecture} guests")
        if types and domain_type and domain_type not in types:
            listed = ", ".join(sorted(types))
            raise ValueError(f"{name}: {architecture} guests there are {listed}, not {domain_type}")


def _domain_types(snapshot: Snapshot, architecture: str) -> frozenset[str]:
    found: set[str] = set()
    for connection in snapshot.hypervisor.connections:
        for guest in connection.guest_archs:
            if guest.architecture == architecture:
                found.update(guest.domain_types)
        for each in connection.domain_capabilities:
            if each.architecture == architecture:
                found.add(each.domain_type)
    return frozenset(found)


def _common_vendor(views: Sequence[_View], domain_type: str, warnings: list[str]) -> str:
    vendors = {view.name: view.vendor for view in views}
    known = {each for each in vendors.values() if each}
    if len(known) > 1:
        if domain_type != "qemu":
            listed = ", ".join(f"{name} {each or 'unknown'}" for name, each in vendors.items())
            warnings.append(f"the processors' vendors differ, guests cannot cross them: {listed}")
        return ""
    return known.pop() if known and all(vendors.values()) else ""


def _machine_types(offered: Mapping[str, frozenset[str]], warnings: list[str]) -> list[str]:
    silent = [name for name, types in offered.items() if not types]
    if silent:
        warnings.append(f"machine types are not known of {', '.join(silent)}")
        return []
    common = frozenset.intersection(*offered.values())
    if not common:
        warnings.append("the hosts have no machine type in common")
    return sorted(
        common, key=lambda name: ([int(n) for n in _NUMBER.findall(_version(name))], name)
    )


def _version(machine_type: str) -> str:
    """Return what follows the board: "7.2" of "pc-i440fx-7.2", "8.6.0" of "pc-q35-rhel8.6.0"."""
    return machine_type.rpartition("-")[2]


def _offered_machine_types(
    snapshot: Snapshot, domain_type: str, architecture: str
) -> frozenset[str]:
    found: set[str] = set()
    for connection in snapshot.hypervisor.connections:
        for guest in connection.guest_archs:
            if guest.architecture == architecture and domain_type in guest.domain_types:
                found.update(each.canonical or each.name for each in guest.machine_types)
    return frozenset(found)
