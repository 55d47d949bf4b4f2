"""Expands CPU models to their features, with libvirt's help."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from vmfit.v1.hypervisor_pb2 import DomainCapabilities, HostCpuModel
from vmfit.v1.vm_pb2 import GuestCpu, Vm
from vmfit_agent.host import LibvirtUnavailable
from vmfit_agent.virtualization.capabilities_xml import parse_domain_capabilities, read_host_cpu
from vmfit_agent.virtualization.listed_emulators import CpuKnowledge
from vmfit_agent.xml_document import parse_document

_HOST_MODES = frozenset(("host-model", "host-passthrough", "maximum"))


class NotExpandable(Exception):  # noqa: N818 -- a state of the host, not a mistake
    """Nobody here knows the features of a CPU model; the message says why."""


class Hypervisor(NamedTuple):
    """What a guest would run on; None leaves the choice to libvirt."""

    emulator: str | None
    architecture: str
    machine: str | None
    domain_type: str


class CpuExpander:
    """Expands CPUs over one connection, asking each question once; made anew for each use.

    For definitions that libvirt does not have itself the connection must be behind
    ListedEmulators.
    """

    def __init__(self, connection: CpuKnowledge) -> None:
        self.connection = connection
        self._models: dict[tuple[str, str], frozenset[str] | str] = {}
        self._capabilities: dict[Hypervisor, DomainCapabilities | str] = {}

    def model_features(self, hypervisor: Hypervisor, model: str) -> frozenset[str]:
        """Return the features of a bare model, by libvirt's names; else raise NotExpandable."""
        key = (hypervisor.architecture, model)
        if key not in self._models:
            self._models[key] = self._ask(hypervisor, model)
        answer = self._models[key]
        if isinstance(answer, str):
            raise NotExpandable(answer)
        return answer

    def _unknown_features(self, hypervisor: Hypervisor, cpu: GuestCpu) -> list[str]:
        """Return the listed features that this libvirt does not know; it names the first only."""
        names = [feature.name for feature in cpu.features]
        if not names or not cpu.model or hypervisor.architecture not in {"x86_64", "i686"}:
            return []
        if not self._refusal(hypervisor, cpu.model, names):
            return []
        return [
            name for name in names if _names(self._refusal(hypervisor, cpu.model, [name]), name)
        ]

    def _refusal(self, hypervisor: Hypervisor, model: str, features: list[str]) -> str:
        try:
            self.connection.expand_cpu(_cpu_xml(hypervisor, model, features))
        except LibvirtUnavailable as error:
            return str(error)
        return ""

    def _ask(self, hypervisor: Hypervisor, model: str) -> frozenset[str] | str:
        xml = _cpu_xml(hypervisor, model)
        try:
            features = _features_of(self.connection.expand_cpu(xml))
        except LibvirtUnavailable as error:
            # libvirt itself knows no models of s390x: its emulator is asked.
            if hypervisor.architecture != "s390x" or not hypervisor.emulator:
                return str(error)
            try:
                features = _features_of(self._ask_emulator(hypervisor, xml))
            except LibvirtUnavailable as second_error:
                return str(second_error)
        if not features:
            return f"libvirt lists no features for {model} of {hypervisor.architecture}"
        return features

    def _ask_emulator(self, hypervisor: Hypervisor, xml: str) -> str:
        return self.connection.expand_hypervisor_cpu(
            hypervisor.emulator or "",
            hypervisor.architecture,
            hypervisor.machine or "",
            hypervisor.domain_type,
            xml,
        )

    def expand_host_model(self, hypervisor: Hypervisor, model: HostCpuModel) -> None:
        """Set `features`: the model's, with the extra ones and without the disabled ones.

        virConnectBaselineHypervisorCPU is no substitute where virConnectBaselineCPU works:
        libvirt 9.0 returns for a host-model CPU features that the same CPU disables.
        Raises NotExpandable and leaves the message alone.
        """
        if not model.model:
            raise NotExpandable("libvirt names no model for this CPU")
        features = self.model_features(hypervisor, model.model)
        features = (features | set(model.extra_features)) - set(model.disabled_features)
        del model.features[:]
        model.features.extend(sorted(features))
        model.expanded = True

    def host_model(self, hypervisor: Hypervisor) -> HostCpuModel:
        """Return the best CPU that the hypervisor gives, expanded; else raise NotExpandable."""
        if hypervisor not in self._capabilities:
            self._capabilities[hypervisor] = self._ask_capabilities(hypervisor)
        answer = self._capabilities[hypervisor]
        if isinstance(answer, str):
            raise NotExpandable(answer)
        if not answer.HasField("host_model"):
            raise NotExpandable(f"the hypervisor has no host-model CPU for {answer.domain_type}")
        if not answer.host_model.expanded:
            self.expand_host_model(hypervisor, answer.host_model)
        return answer.host_model

    def _ask_capabilities(self, hypervisor: Hypervisor) -> DomainCapabilities | str:
        try:
            xml = self.connection.domain_capabilities(
                hypervisor.emulator,
                hypervisor.architecture,
                hypervisor.machine,
                hypervisor.domain_type,
            )
            return parse_domain_capabilities(xml)
        except (LibvirtUnavailable, ValueError) as error:
            return str(error)

    def expand_guest(self, vm: Vm) -> None:
        """Set the CPU's `expanded_features`, or `expansion_error` where that cannot be done.

        The base is the named model, or for host-model, host-passthrough and maximum the best CPU
        that this hypervisor gives (of a running guest libvirt has written the model into the
        XML, except for passthrough). Then `require` and `force` add, `disable` and `forbid`
        remove; `optional` adds what the best CPU has, for that is what a start would do. Sets
        `unknown_features` too.
        """
        hypervisor = Hypervisor(
            vm.emulator.path or None,
            vm.architecture,
            vm.machine_type or None,
            vm.domain_type,
        )
        try:
            features = self._guest_features(hypervisor, vm.cpu)
        except NotExpandable as error:
            vm.cpu.expanded = False
            vm.cpu.expansion_error = str(error)
            return
        vm.cpu.expanded_features.extend(sorted(features))
        vm.cpu.expanded = True
        vm.cpu.unknown_features.extend(self._unknown_features(hypervisor, vm.cpu))

    def _guest_features(self, hypervisor: Hypervisor, cpu: GuestCpu) -> set[str]:
        if cpu.model and cpu.mode not in _HOST_MODES - {"host-model"}:
            features = set(self.model_features(hypervisor, cpu.model))
        elif cpu.mode in _HOST_MODES:
            features = set(self.host_model(hypervisor).features)
            if cpu.mode == "host-model" or cpu.migratable != "off":
                # Part of the best CPU, and of none that may be migrated.
                features.discard("invtsc")
        else:
            raise NotExpandable("the definition names no CPU model")
        for feature in cpu.features:
            if feature.policy in {"require", "force"}:
                features.add(feature.name)
            elif feature.policy in {"disable", "forbid"}:
                features.discard(feature.name)
            elif feature.policy == "optional" and self._host_has(hypervisor, feature.name):
                features.add(feature.name)
        return features

    def _host_has(self, hypervisor: Hypervisor, feature: str) -> bool:
        try:
            return feature in self.host_model(hypervisor).features
        except NotExpandable:
            return False


def _names(refusal: str, feature: str) -> bool:
    """Tell whether libvirt's words end in the feature: "Unknown CPU feature NAME"."""
    return [word.strip("'") for word in refusal.split()[-1:]] == [feature]


def _cpu_xml(hypervisor: Hypervisor, model: str, features: Iterable[str] = ()) -> str:
    root = Element("cpu")
    SubElement(root, "arch").text = hypervisor.architecture
    SubElement(root, "model").text = model
    for name in features:
        SubElement(root, "feature", name=name)
    return tostring(root, "unicode")


@lru_cache(maxsize=256)
def _features_of(cpu_xml: str) -> frozenset[str]:
    try:
        cpu = read_host_cpu(parse_document(cpu_xml, "cpu"))
    except ValueError as error:
        raise LibvirtUnavailable(f"libvirt's answer: {error}") from error
    return frozenset(cpu.extra_features) - frozenset(cpu.disabled_features)
