"""Comparing CPUs agrees with libvirt's own answers for other people's processors."""

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from vmfit.v1.vm_pb2 import GuestCpu
from vmfit_comparator.cpu_compare import Comparison, compare
from vmfit_comparator.cpu_names import canonical

CORPUS = Path(os.environ.get("VMFIT_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
ORACLE = CORPUS / "oracle" / "split"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not ORACLE.is_dir(), reason=f"no corpus at {CORPUS} (VMFIT_CORPUS)"),
]


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
def expanded(name: str) -> frozenset[str]:
    """A model's features, its ancestor's included; KeyError for a model libvirt lacks."""
    model = models()[name]
    features: set[str] = set()
    for ancestor in model.findall("model"):
        features |= expanded(ancestor.get("name", ""))
    for feature in model.findall("feature"):
        change = features.discard if feature.get("policy") == "disable" else features.add
        change(feature.get("name", ""))
    return frozenset(features)


def read_cpu(path: str) -> ET.Element:
    root = ET.parse(CORPUS / path).getroot()
    if root.tag == "domainCapabilities":
        return next(each for each in root.iter("mode") if each.get("name") == "host-model")
    cpu = root if root.tag == "cpu" else root.find(".//cpu")
    assert cpu is not None
    return cpu


@cache
def host(path: str) -> tuple[frozenset[str], str]:
    """A host's features and vendor."""
    cpu = read_cpu(path)
    features = set(expanded(cpu.findtext("model", "")))
    for feature in cpu.findall("feature"):
        change = features.discard if feature.get("policy") == "disable" else features.add
        change(feature.get("name", ""))
    return canonical(features), cpu.findtext("vendor", "")


@cache
def guest(path: str) -> GuestCpu:
    """A guest's CPU as an agent describes it."""
    cpu = read_cpu(path)
    described = GuestCpu(
        mode=cpu.get("mode", "custom"),
        match=cpu.get("match", "exact"),
        model=cpu.findtext("model", ""),
        vendor=cpu.findtext("vendor", ""),
    )
    features = set(expanded(described.model)) if described.model else set()
    for feature in cpu.findall("feature"):
        name, policy = feature.get("name", ""), feature.get("policy", "require")
        described.features.add(name=name, policy=policy)
        if policy in {"require", "force"}:
            features.add(name)
        elif policy in {"disable", "forbid"}:
            features.discard(name)
    described.expanded_features.extend(sorted(features))
    described.expanded = True
    return described


def differs(pair: dict, found: Comparison) -> str:
    """Say how our answer differs from libvirt's; empty when it does not."""
    wanted = (
        pair["result"],
        sorted(canonical(pair.get("missing", ()))),
        # Told in the message alone by `virsh hypervisor-cpu-compare`.
        sorted(canonical(pair.get("forbidden_present", found.forbidden))),
    )
    ours = (found.fit.name, list(found.missing), list(found.forbidden))
    return "" if wanted == ours else f"{pair}: libvirt {wanted}, vmfit {ours}"


def pairs(kind: str) -> Iterator[tuple[dict, str, str]]:
    """Yield the pairs that libvirt could compare, with the files of host and guest."""
    answers = json.loads((ORACLE / "cpu_pairs.open.json").read_text())
    for pair in answers[kind]:
        if pair["result"] == "ERROR":
            continue
        file = (
            answers["guests"][pair["guest"]]["file"]
            if kind == "pairs"
            else answers["hosts"][pair["cpu_of_host"]]
        )
        yield pair, answers["hosts"][pair["host"]], file


@pytest.mark.parametrize(("kind", "least"), [("pairs", 4900), ("host_pairs", 400)])
def test_processors(kind, least):
    compared, wrong, unreadable = 0, [], set()
    for pair, host_file, guest_file in pairs(kind):
        try:
            cpu = guest(guest_file)
        except (KeyError, ET.ParseError):
            unreadable.add(guest_file)  # names a model that the CPU map lacks
            continue
        compared += 1
        difference = differs(pair, compare(cpu, *host(host_file)))
        if difference:
            wrong.append(difference)
    assert not wrong, f"{len(wrong)} of {compared}: " + "\n".join(wrong[:10])
    assert compared >= least, f"only {compared} compared, unreadable: {sorted(unreadable)}"


def test_hypervisors():
    answers = json.loads((ORACLE / "hypervisor.open.json").read_text())
    compared, wrong = 0, []
    for each in answers["hosts"]:
        offered = host(each["domcapabilities"])
        for answer in each["answers"]:
            if answer["result"] == "ERROR":
                continue
            compared += 1
            difference = differs(answer, compare(guest(answer["guest"]), *offered))
            if difference:
                wrong.append(f"{each['host']}: {difference}")
    assert not wrong, f"{len(wrong)} of {compared}: " + "\n".join(wrong[:10])
    assert compared >= 400
