"""Limits of the destination's processor, and what is only advice."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.healthy import FEATURES
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality

CONNECTION = "hypervisor.connections[0]"
NO_CAPABILITIES = {f"destination.{CONNECTION}.domain_capabilities": []}
TCG = {"vm.domain_type": "qemu"}
TSC = "destination.cpu.tsc"
TSC_3GHZ = {"vm.timers": [{"name": "rtc"}, {"name": "tsc", "frequencyHz": 3 * 10**9}]}


def seen(*names):
    return {"vm.cpu.expanded_features": [*FEATURES, *names]}


NO_SCALING = {**TSC_3GHZ, f"{TSC}.scaling": False}
FREQUENCY = [
    ("none fixed", {f"{TSC}.scaling": False}, "YES"),
    ("scales", TSC_3GHZ, "YES"),
    ("does not scale", NO_SCALING, "NO"),
    ("within 250 ppm", {**NO_SCALING, f"{TSC}.frequency_hz": 3 * 10**9 + 700_000}, "YES"),
    ("beyond 250 ppm", {**NO_SCALING, f"{TSC}.frequency_hz": 3 * 10**9 + 800_000}, "NO"),
    ("frequency unknown, emulated", {**TSC_3GHZ, **TCG, f"{TSC}.frequency_hz": None}, "YES"),
    ("frequency unknown", {**TSC_3GHZ, f"{TSC}.frequency_hz": None}, "NO_IDEA"),
    ("scaling unknown", {**TSC_3GHZ, f"{TSC}.scaling": None}, "NO_IDEA"),
]
VCPUS = "vm.vcpus"
TOPOLOGY = [
    ("fits", {}, "YES"),
    ("more than CPUs", {f"{VCPUS}.current_count": 16, f"{VCPUS}.maximum_count": 16}, "YES"),
    ("more than the machine type has", {f"{VCPUS}.maximum_count": 289}, "NO"),
    ("more than KVM allows", {"destination.cpu.kvm.maximum_vcpu_count": 1}, "NO"),
    (
        "no maximum",
        {
            f"destination.{CONNECTION}.guest_archs": [],
            **NO_CAPABILITIES,
            "destination.cpu.kvm": None,
        },
        "NO_IDEA",
    ),
    (
        "a machine type that is not there",
        {"vm.machine_type": "pc-q35-99.0", "destination.cpu.kvm": None},
        "YES",
    ),
    ("not collected", {"destination.cpu": None}, "NO_IDEA"),
]
BITS = "destination.cpu.physical_address_bits"
PASSED_BITS = {"vm.cpu.physical_address_mode": "passthrough"}
PHYS_BITS = [
    ("QEMU's 40", {}, "YES"),
    ("QEMU's 40 over 39, as before", {"hosts.cpu.physical_address_bits": 39}, "YES"),
    ("QEMU's 40 over 39", {BITS: 39}, "PROBABLY_NO"),
    ("passed through", PASSED_BITS, "YES"),
    ("passed through, fewer", {**PASSED_BITS, BITS: 39}, "NO"),
    (
        "passed through, limited",
        {**PASSED_BITS, BITS: 39, "vm.cpu.physical_address_limit_bits": 39},
        "YES",
    ),
    (
        "passed through, source unknown",
        {**PASSED_BITS, "source.cpu.physical_address_bits": None},
        "NO_IDEA",
    ),
    (
        "fixed, too many",
        {"vm.cpu.physical_address_mode": "emulate", "vm.cpu.physical_address_bits": 48},
        "NO",
    ),
    ("emulated", {**TCG, BITS: 36}, "YES"),
    ("unknown", {BITS: None}, "NO_IDEA"),
]
XSAVE = [
    ("all there", {}, "YES"),
    (
        "XCR0 unknown, and the guest will start without AVX",
        {
            "destination.cpu.xsave": None,
            "vm.cpu.check": "partial",
            "hosts.hypervisor.connections[0].domain_capabilities[0].host_model.features": ["sse2"],
        },
        "YES",
    ),
    ("no AVX-512 state", seen("avx512f"), "NO"),
    ("emulated", {**TCG, **seen("avx512f")}, "YES"),
    ("XCR0 unknown, the hypervisor gives AVX", {"destination.cpu.xsave": None}, "YES"),
    ("unknown", {"destination.cpu.xsave": None, **NO_CAPABILITIES}, "NO_IDEA"),
    (
        "nothing beyond SSE",
        {"destination.cpu.xsave": None, "vm.cpu.expanded_features": ["sse2"]},
        "YES",
    ),
]
NESTED = [
    ("no vmx", {"destination.cpu.kvm.nested": False}, "YES"),
    (
        "unknown, and the guest will start without vmx",
        {**seen("vmx"), "vm.cpu.check": "none", "destination.cpu.kvm": None},
        "YES",
    ),
    ("nests", seen("vmx"), "YES"),
    ("does not nest", {**seen("vmx"), "destination.cpu.kvm.nested": False}, "NO"),
    ("unknown", {**seen("svm"), "destination.cpu.kvm": None}, "NO_IDEA"),
]
MICROCODE = [
    ("the same", {}, "YES"),
    ("another", {"destination.cpu.microcode_revisions": ["0x1"]}, "PROBABLY_YES"),
    (
        "of another processor",
        {"destination.cpu.microcode_revisions": ["0x1"], "destination.cpu.model": 106},
        "YES",
    ),
    ("not collected", {"destination.cpu": None}, "NO_IDEA"),
]
VULNERABILITIES = [
    ("as before", {}, "YES"),
    (
        "worse",
        {"destination.cpu.vulnerabilities": {"mds": "Vulnerable: no microcode"}},
        "PROBABLY_NO",
    ),
    ("as bad", {"hosts.cpu.vulnerabilities": {"mds": "Vulnerable"}}, "YES"),
    ("not collected", {"source.cpu": None}, "NO_IDEA"),
]

TABLES = {
    "cpu.tsc_frequency": FREQUENCY,
    "cpu.topology": TOPOLOGY,
    "cpu.phys_bits": PHYS_BITS,
    "cpu.xsave_state": XSAVE,
    "cpu.nested": NESTED,
    "cpu.microcode": MICROCODE,
    "cpu.vulnerabilities": VULNERABILITIES,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_more_vcpus_than_cpus_is_a_lesser_yes():
    found = finding("cpu.topology", migration({f"{VCPUS}.current_count": 9}))
    assert found.quality == Quality.QUALITY_REDUCED
