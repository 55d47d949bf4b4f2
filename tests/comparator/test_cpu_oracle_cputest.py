"""Comparing CPUs agrees with libvirt's own unit tests (tests/cputest.c), as far as they are of x86.

Of the open half of the corpus: compare 16 of 16 (6 more are of ppc64, where libvirt compares the
processor's version instead of features; 1 of the 16 is an error: an unknown feature), update 4 of 4
(4 of ppc64), baseline 4 of 4 (3 of ppc64), hasfeature 3 of 3, guestcpu 6 of 6 (the other 4 fail for
want of a model in QEMU), CPUID baseline 1 of 1 (the hosts of the other 6 are not there).
"""

import xml.etree.ElementTree as ET

from tests.comparator.cpu_corpus import (
    CORPUS,
    NEEDS_CORPUS,
    answers,
    assert_agreement,
    guest,
    host,
    host_features,
    known_features,
    read_cpu,
)
from tests.comparator.test_baseline_oracle import described_hosts
from vmfit_comparator.baselines.baseline import baseline
from vmfit_comparator.knowledge.cpu.compare import compare
from vmfit_comparator.knowledge.cpu.special_features import NEVER_ASKED
from vmfit_contract.cpu_features import feature
from vmfit_contract.cpu_features import features as features_of

pytestmark = NEEDS_CORPUS
CASES = "oracle"


def cases(kind: str):
    for case in answers("libvirt_cputest")[kind]:
        if case.get("arch", "x86_64") == "x86_64":
            yield case


def test_compare():
    compared, wrong = 0, []
    for case in cases("compare"):
        compared += 1
        cpu = guest(f"{CASES}/{case['cpu']}")
        found = compare(cpu, *host(f"{CASES}/{case['host']}")).fit.name
        if {each.name for each in cpu.features} - known_features():
            found = "ERROR"
        if found != case["expected"]:
            wrong.append(f"{case}: {found}")
    assert_agreement("cputest, compare", wrong, compared, 12)


def test_update():
    """What libvirt makes of a definition on a host compares with that host as libvirt says."""
    compared, wrong = 0, []
    for case in cases("update"):
        compared += 1
        found = compare(guest(f"{CASES}/{case['updated']}"), *host(f"{CASES}/{case['host']}"))
        if found.fit.name != case["expected_compare_of_updated"]:
            wrong.append(f"{case}: {found}")
    assert_agreement("cputest, update", wrong, compared, 3)


def test_has_feature():
    compared, wrong = 0, []
    for case in cases("hasfeature"):
        compared += 1
        features, _ = host(f"{CASES}/{case['host']}")
        if (feature(case["feature"]) in features) != (case["expected"] == "YES"):
            wrong.append(str(case))
    assert_agreement("cputest, hasfeature", wrong, compared, 3)


def cpus(path: str) -> str:
    """Return the <cpu> elements of a file as text."""
    root = ET.parse(CORPUS / CASES / path).getroot()
    return "".join(ET.tostring(each, "unicode") for each in root.iter("cpu"))


def test_baseline():
    compared, wrong = 0, []
    for case in cases("baseline"):
        compared += 1
        wanted = host_features(read_cpu(f"{CASES}/{case['expected']}"))
        found = features_of(baseline(described_hosts(cpus(case["cpus"]))).features)
        if found != wanted:
            wrong.append(f"{case}: {sorted(map(str, wanted ^ found))}")
    assert_agreement("cputest, baseline", wrong, compared, 3)


def test_cpuid_baseline():
    compared, wrong = 0, []
    for case in cases("cpuid_baseline"):
        if not all((CORPUS / each).exists() for each in case["hosts"]):
            continue
        compared += 1
        both = "".join((CORPUS / each).read_text() for each in case["hosts"])
        wanted = host_features(read_cpu(f"{CASES}/{case['expected']}"))
        found = features_of(baseline(described_hosts(both)).features)
        if found - NEVER_ASKED != wanted - NEVER_ASKED:
            wrong.append(f"{case['label']}: {sorted(map(str, wanted ^ found))}")
    assert_agreement("cputest, cpuid_baseline", wrong, compared, 1)


def test_guest_cpu():
    """A definition is told in other words, by a model that QEMU has; what a guest gets is the same.

    The cases that fail do so for want of a model in QEMU, which cpu.model_usable judges.
    """
    compared, wrong = 0, []
    for case in cases("guestcpu"):
        if case["expected"] == "FAIL":
            continue
        compared += 1
        cpu = guest(f"{CASES}/{case['cpu']}")
        there, _ = host(f"{CASES}/{case['host']}")
        optional = {each.name for each in cpu.features if each.policy == "optional"}
        given = features_of(cpu.expanded_features) | (features_of(optional) & there)
        told = features_of(guest(f"{CASES}/{case['expected']}").expanded_features)
        if told != given:
            wrong.append(f"{case}: {sorted(map(str, told ^ given))}")
    assert_agreement("cputest, guestcpu", wrong, compared, 5)
