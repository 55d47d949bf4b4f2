"""Other people's processors: libvirt's CPU map, hosts and guests of the corpus, as vmfit sees them.

The corpus is read where it is (VMFIT_CORPUS); tests that need it carry the marker `corpus`.
"""

import json
import os
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import GuestCpu, Vm
from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.host import LibvirtUnavailable
from vmfit_agent.virtualization.capabilities_xml import parse_domain_capabilities
from vmfit_agent.virtualization.cpu_expansion import CpuExpander, Hypervisor
from vmfit_contract.cpu_features import Feature
from vmfit_contract.cpu_features import features as features_of

CORPUS = Path(os.environ.get("VMFIT_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
ORACLE = CORPUS / "oracle" / "split"

NEEDS_CORPUS = [
    pytest.mark.corpus,
    pytest.mark.skipif(not ORACLE.is_dir(), reason=f"no corpus at {CORPUS} (VMFIT_CORPUS)"),
]


def answers(name: str) -> Any:
    """Return libvirt's (or another peer's) recorded answers: "cpu_pairs", "baseline", ..."""
    return json.loads((ORACLE / f"{name}.open.json").read_text())


@cache
def models() -> dict[str, ET.Element]:
    """The models of libvirt's CPU map by name."""
    found = {}
    for path in (CORPUS / "cpuid" / "cpu_map").glob("x86_*.xml"):
        for model in ET.parse(path).getroot().iter("model"):
            if model.find("feature") is not None or model.find("model") is not None:
                found[model.get("name", "")] = model
    return found


@cache
def known_features() -> frozenset[str]:
    """The names of libvirt's features, aliases included."""
    root = ET.parse(CORPUS / "cpuid" / "cpu_map" / "x86_features.xml").getroot()
    return frozenset(each.get("name", "") for each in root.iter() if each.get("name"))


@cache
def expanded(name: str, with_removed: bool = True) -> frozenset[str]:
    """A model's features, its ancestor's included; KeyError for a model libvirt lacks."""
    model = models()[name]
    features: set[str] = set()
    for ancestor in model.findall("model"):
        features |= expanded(ancestor.get("name", ""), with_removed)
    for feature in model.findall("feature"):
        if feature.get("removed") == "yes" and not with_removed:
            continue
        change = features.discard if feature.get("policy") == "disable" else features.add
        change(feature.get("name", ""))
    return frozenset(features)


@cache
def read_cpu(path: str) -> ET.Element:
    """The CPU of a file: of a host, a guest, or a hypervisor's host model."""
    root = ET.parse(CORPUS / path).getroot()
    if root.tag == "domainCapabilities":
        return next(each for each in root.iter("mode") if each.get("name") == "host-model")
    cpu = root if root.tag == "cpu" else root.find(".//cpu")
    assert cpu is not None
    return cpu


def host_features(cpu: ET.Element) -> frozenset[Feature]:
    """A host's features from its description."""
    features = set(expanded(cpu.findtext("model", "")))
    for feature in cpu.findall("feature"):
        change = features.discard if feature.get("policy") == "disable" else features.add
        change(feature.get("name", ""))
    return features_of(features)


@cache
def host(path: str) -> tuple[frozenset[Feature], str]:
    """A host's features and vendor."""
    cpu = read_cpu(path)
    return host_features(cpu), cpu.findtext("vendor", "")


def guest_cpu(cpu: ET.Element) -> GuestCpu:
    """A guest's CPU as an agent describes it; a model that the map lacks is not expanded."""
    described = GuestCpu(
        mode=cpu.get("mode", "custom"),
        match=cpu.get("match", "exact"),
        model=cpu.findtext("model", ""),
        vendor=cpu.findtext("vendor", ""),
    )
    described.expanded = not described.model or described.model in models()
    features = (
        set(expanded(described.model, with_removed=False)) if described.model in models() else set()
    )
    for feature in cpu.findall("feature"):
        name, policy = feature.get("name", ""), feature.get("policy", "require")
        described.features.add(name=name, policy=policy)
        if policy in {"require", "force"}:
            features.add(name)
        elif policy in {"disable", "forbid"}:
            features.discard(name)
    described.expanded_features.extend(sorted(features))
    return described


@cache
def guest(path: str) -> GuestCpu:
    """As guest_cpu, of a file."""
    return guest_cpu(read_cpu(path))


class MapConnection:
    """Answers an agent's questions as libvirt does, with the CPU map and one host's answers."""

    def __init__(self, domain_capabilities_xml: str = "") -> None:
        self._capabilities = domain_capabilities_xml

    def expand_cpu(self, xml: str) -> str:
        cpu = ET.fromstring(xml)
        name = cpu.findtext("model", "")
        if name not in models():
            raise LibvirtUnavailable(f"unknown CPU model {name}")
        for feature in cpu.findall("feature"):
            if feature.get("name") not in known_features():
                raise LibvirtUnavailable(f"Unknown CPU feature {feature.get('name')}")
        features = sorted(expanded(name, with_removed=False))
        listed = "".join(f"<feature policy='require' name='{each}'/>" for each in features)
        return f"<cpu mode='custom'><model>{name}</model>{listed}</cpu>"

    def domain_capabilities(self, *_question: object) -> str:
        if not self._capabilities:
            raise LibvirtUnavailable("nobody recorded them")
        return self._capabilities


def hypervisor_snapshot(path: str) -> Snapshot:
    """A host as its agent describes it, from its domain capabilities alone."""
    xml = (CORPUS / path).read_text()
    snapshot = Snapshot()
    snapshot.cpu.architecture = "x86_64"
    connection = snapshot.hypervisor.connections.add(uri="qemu:///system", driver="QEMU")
    capabilities = connection.domain_capabilities.add()
    capabilities.CopyFrom(parse_domain_capabilities(xml))
    expander = CpuExpander(MapConnection(xml))  # type: ignore[arg-type]
    kind = Hypervisor(capabilities.emulator_path, "x86_64", None, capabilities.domain_type)
    expander.expand_host_model(kind, capabilities.host_model)
    return snapshot


def described_vm(cpu_xml: str, capabilities_xml: str = "", domain_type: str = "kvm") -> Vm:
    """A VM with that CPU as an agent describes it, expanded on the host of `capabilities_xml`."""
    vm = parse_vm(
        f"<domain type='{domain_type}'><name>guest</name><memory unit='MiB'>64</memory>"
        f"<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>{cpu_xml}</domain>"
    )
    CpuExpander(MapConnection(capabilities_xml)).expand_guest(vm)  # type: ignore[arg-type]
    return vm


def assert_agreement(oracle: str, wrong: Iterable[str], count: int, least: int) -> None:
    """Fail unless nothing differs and at least so many were compared; say how many agree."""
    lines = list(wrong)
    assert not lines, f"{len(lines)} of {count} differ: " + "\n".join(lines[:20])
    assert count >= least
    sys.stdout.write(f"{oracle}: {count} of {count} agree\n")
