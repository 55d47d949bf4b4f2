"""Baselines agree with libvirt's own for 79 sets of other people's hosts.

Of the open half of the corpus, features compared after models are expanded:

- `cpu-baseline` of the test driver, with and without --features: 72 of 72 each are what the hosts
  have in common; so is ours. The other 7 sets are of several vendors, which libvirt refuses and
  vmfit warns of: 7 of 7.
- of the QEMU driver: 72 of 72; libvirt leaves out cmt, mbm_*, osxsave and their like, of which
  QEMU knows nothing; vmfit does so when it writes them down as a CPU for guests.
- with --migratable, with and without --features: 72 of 72; libvirt leaves out invtsc, like
  vmfit's CPU for guests, and xsaves, which QEMU does migrate: vmfit keeps it.
- `hypervisor-cpu-baseline --virttype qemu`: 35 of 35 are part of ours; what they lack is what the
  emulation of the QEMU that was asked lacks. 4 sets of several vendors are refused.
"""

import xml.etree.ElementTree as ET

import pytest

from tests.comparator.cpu_corpus import CORPUS, NEEDS_CORPUS, answers, assert_agreement, expanded
from vmfit.v1.comparator_service_pb2 import BaselineResponse
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.baselines.baseline import baseline
from vmfit_comparator.knowledge.cpu.special_features import NEVER_ASKED as _NEVER_ASKED
from vmfit_contract.cpu_features import features as features_of
from vmfit_contract.cpu_features import names

pytestmark = NEEDS_CORPUS

NEVER_ASKED = frozenset(names(_NEVER_ASKED))
_NOT_MIGRATABLE = frozenset(("invtsc", "xsaves"))
_LEFT_OUT = {
    "test": frozenset(),
    "test_features": frozenset(),
    "qemu": NEVER_ASKED,
    "qemu_migratable": NEVER_ASKED | _NOT_MIGRATABLE,
    "qemu_features_migratable": NEVER_ASKED | _NOT_MIGRATABLE,
}

# What QEMU 7.2's own processor emulation implements.
_EMULATED_NAMES = """
fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse
sse2 pni pclmuldq ssse3 cx16 sse4.1 sse4.2 movbe popcnt aes xsave rdrand hypervisor
syscall nx mmxext rdtscp lm 3dnow 3dnowext lahf_lm svm cr8legacy abm sse4a fsgsbase bmi1
smep bmi2 adx smap clflushopt clwb mpx umip pku pks la57 arat xsaveopt xgetbv1 npt vgif
svme-addr-chk pdpe1gb vaes erms acpi ss monitor avx avx2 fma f16c
"""
EMULATED = frozenset(_EMULATED_NAMES.split())


def described_hosts(xml: str) -> dict[str, Snapshot]:
    """Return the hosts of libvirt <cpu> elements, as snapshots without domain capabilities."""
    hosts = {}
    for cpu in ET.fromstring(f"<cpus>{xml}</cpus>"):
        snapshot = Snapshot()
        snapshot.cpu.architecture = "x86_64"
        name, own, off = cpu.findtext("model", ""), set(), set()
        for each in cpu.findall("feature"):
            chosen = off if each.get("policy") in {"disable", "forbid"} else own
            chosen.add(each.get("name", ""))
        features = sorted((own | expanded(name, with_removed=False)) - off)
        snapshot.cpu.features.extend(features)
        connection = snapshot.hypervisor.connections.add(uri="qemu:///system", driver="QEMU")
        connection.host_cpu.model, connection.host_cpu.expanded = name, True
        connection.host_cpu.vendor = cpu.findtext("vendor", "")
        connection.host_cpu.extra_features.extend(sorted(own))
        connection.host_cpu.disabled_features.extend(sorted(off))
        connection.host_cpu.features.extend(features)
        hosts[str(len(hosts))] = snapshot
    return hosts


def answered(answer: dict) -> set[str]:
    """Return the features of libvirt's answer, its model expanded."""
    features = expanded(answer["model"]) | set(answer["require"])
    return set(names(features_of(features - set(answer["disable"]))))


def guest_features(response: BaselineResponse) -> set[str]:
    """Return the features of a guest with the CPU that vmfit writes down."""
    root = ET.fromstring(response.cpu_xml)
    features = set(expanded(response.model, with_removed=False))
    for each in root.iter("feature"):
        change = features.add if each.get("policy") == "require" else features.discard
        change(each.get("name", ""))
    return features


def answers_of(kind: str):
    for case in answers("baseline")["sets"]:
        if kind in case["answers"]:
            hosts = described_hosts((CORPUS / case["file"]).read_text())
            yield case["id"], case["answers"][kind], baseline(hosts)


@pytest.mark.parametrize("kind", _LEFT_OUT)
def test_what_processors_have_in_common(kind):
    compared, wrong = 0, []
    for name, answer, response in answers_of(kind):
        if "error" in answer:
            assert "CPU vendors do not match" in answer["error"]
            assert any("vendors differ" in each for each in response.warnings), name
            continue
        compared += 1
        theirs = answered(answer) - _LEFT_OUT[kind]
        ours = set(response.features) - _LEFT_OUT[kind]
        if theirs != ours:
            wrong.append(f"set {name}: {sorted(theirs ^ ours)}")
        # What the XML gives, with the model as libvirt defines it, is the baseline again.
        assert guest_features(response) == set(response.features) - NEVER_ASKED - {"invtsc"}
    assert_agreement(f"baseline, {kind}", wrong, compared, 60)


@pytest.mark.parametrize("kind", ["hypervisor", "hypervisor_features_migratable"])
def test_what_an_emulator_can_give_of_it(kind):
    compared, wrong = 0, []
    for name, answer, response in answers_of(kind):
        if "error" in answer:
            continue
        compared += 1
        theirs, ours = answered(answer), set(response.features)
        withheld = (ours - theirs) & EMULATED
        if not theirs <= ours or withheld:
            wrong.append(f"set {name}: {sorted(theirs - ours)}, {sorted(withheld)}")
    assert_agreement(f"baseline, {kind}", wrong, compared, 30)
