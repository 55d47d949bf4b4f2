"""The guest's CPU: vendor, features, passing through, models."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.cpu_changes import (
    CONNECTION,
    HOST_MODEL,
    LOST_BOTH,
    NO_AVX2,
    NO_CAPABILITIES,
    OFFLINE,
    TCG,
    TCG_MODEL,
    kvm_says,
    registers,
    seen,
    with_policy,
)
from tests.comparator.healthy import FEATURES
from tests.comparator.tables import case_of, cases

AMD = {"destination.cpu.vendor": "AuthenticAMD"}


VENDOR = [
    ("the same", {}, "YES"),
    ("emulated", {**AMD, **TCG}, "YES"),
    ("the definition names one", AMD, "NO"),
    ("host-model", {**AMD, "vm.cpu.mode": "host-model", "vm.cpu.vendor": None}, "NO"),
    ("passed through", {**AMD, "vm.cpu.mode": "host-passthrough"}, "NO"),
    ("a bare model", {**AMD, "vm.cpu.vendor": None}, "PROBABLY_YES"),
    ("told by the host model alone", {"destination.cpu.vendor": None}, "YES"),
    ("unknown", {"destination.cpu.vendor": None, **NO_CAPABILITIES}, "NO_IDEA"),
    ("unknown, emulated", {"destination.cpu.vendor": None, **TCG}, "YES"),
    ("offline", {**AMD, **OFFLINE}, "YES"),
]
POWER = {
    "vm.architecture": "ppc64le",
    "vm.cpu.expanded": False,
    "vm.cpu.vendor": None,
    f"destination.{CONNECTION}.host_cpu": {"model": "POWER9", "vendor": "IBM"},
}
FULL_FORBID = {**with_policy("forbid", "rdrand"), "vm.cpu.expanded_features": ["sse2"]}
LOST = {f"{HOST_MODEL}.features": NO_AVX2}
MINIMUM = {
    "vm.cpu.match": "minimum",
    "vm.cpu.check": "partial",
    "vm.cpu.expanded_features": ["sse2"],
}
CPU_FEATURES = [
    ("all there", {}, "YES"),
    ("missing", {f"{HOST_MODEL}.features": NO_AVX2}, "NO"),
    ("missing, offline", {f"{HOST_MODEL}.features": NO_AVX2, **OFFLINE}, "YES"),
    ("missing but forced, running", {**LOST, **with_policy("force", "avx2")}, "NO"),
    ("missing and optional, running", {**LOST, **with_policy("optional", "avx2")}, "NO"),
    (
        "missing but forced, not started yet",
        {**LOST, **with_policy("force", "avx2"), "vm.cpu.check": "none"},
        "NO",
    ),
    (
        "forced, but the source lacks it too",
        {**LOST_BOTH, **with_policy("force", "avx2"), "vm.cpu.check": "partial"},
        "YES",
    ),
    (
        "unchecked, and the source leaves it out too",
        {**LOST_BOTH, "vm.cpu.check": "none"},
        "YES",
    ),
    (
        "not started yet, missing on both",
        {**LOST_BOTH, "vm.cpu.check": "partial", "hosts.cpu.features": NO_AVX2},
        "NO",
    ),
    (
        "not started yet, left out by KVM on both",
        {**LOST_BOTH, "vm.cpu.check": "partial"},
        "YES",
    ),
    (
        "not started yet, left out by KVM on both, and unused by the kernels",
        {
            **LOST_BOTH,
            "vm.cpu.check": "partial",
            "hosts.cpu.features": NO_AVX2,
            f"hosts.{CONNECTION}.host_cpu.features": FEATURES,
        },
        "YES",
    ),
    (
        "not started yet, left out by KVM of the destination",
        {**LOST, "vm.cpu.check": "partial"},
        "NO",
    ),
    (
        "not started yet, forbidden, and KVM leaves it out",
        {
            **LOST_BOTH,
            **with_policy("forbid", "avx2"),
            "vm.cpu.check": "partial",
            "vm.cpu.expanded_features": ["sse2"],
        },
        "NO",
    ),
    (
        "not started yet, the source's model unknown",
        {
            **LOST,
            "vm.cpu.check": "none",
            f"source.{CONNECTION}.domain_capabilities": [],
        },
        "NO",
    ),
    ("a name that libvirt there does not know", {"vm.cpu.unknown_features": ["x"]}, "NO"),
    ("missing from TCG", {**TCG, f"{TCG_MODEL}.features": NO_AVX2}, "NO"),
    ("missing from the other type of guest", {**TCG, f"{HOST_MODEL}.features": NO_AVX2}, "YES"),
    ("a mere hint", seen("fsrm"), "NO"),
    ("host-model with its features", {"vm.cpu.mode": "host-model"}, "YES"),
    ("the model's name does not matter", {f"{HOST_MODEL}.model": "SandyBridge"}, "YES"),
    ("spelt as the kernel does", seen("sse4_2", "pclmulqdq", "xd"), "YES"),
    ("switched on for several vCPUs", seen("ht", "topoext"), "YES"),
    ("what QEMU never asks for", seen("cmt", "osxsave"), "YES"),
    (
        "what QEMU never asks for, not started yet",
        {**seen("cmt"), "vm.cpu.check": "partial"},
        "NO",
    ),
    (
        "invtsc, and the processor has it",
        {**seen("invtsc"), "destination.cpu.features": [*FEATURES, "invtsc"]},
        "YES",
    ),
    ("invtsc, and it has not", seen("invtsc"), "NO"),
    ("only the processor is known", NO_CAPABILITIES, "PROBABLY_YES"),
    (
        "only the processor is known, and it lacks one",
        {**NO_CAPABILITIES, "destination.cpu.features": NO_AVX2},
        "PROBABLY_NO",
    ),
    (
        "what QEMU emulates is not known",
        {**NO_CAPABILITIES, **TCG, "vm.cpu.expanded_features": ["sse2"]},
        "NO_IDEA",
    ),
    ("only KVM's word is known", kvm_says(FEATURES), "PROBABLY_YES"),
    ("KVM cannot give it, its processor could", kvm_says(NO_AVX2), "NO"),
    (
        "KVM gives what the processor lacks",
        {**kvm_says(FEATURES), "destination.cpu.features": NO_AVX2},
        "PROBABLY_YES",
    ),
    ("KVM lists no MSRs", {**kvm_says(FEATURES), **seen("rdctl-no")}, "PROBABLY_NO"),
    (
        "KVM's MSR lacks a bit",
        {**kvm_says([*FEATURES, "arch-capabilities", "mds-no"]), **seen("rdctl-no")},
        "NO",
    ),
    ("a name without a bit", {**kvm_says(FEATURES), **seen("newest")}, "PROBABLY_NO"),
    ("QEMU may give it beyond KVM", {**kvm_says(FEATURES), **seen("monitor")}, "PROBABLY_NO"),
    (
        "a hint that QEMU takes from the processor",
        {
            **kvm_says(FEATURES),
            **seen("fsrm"),
            "destination.cpu.features": [*FEATURES, "fsrm"],
        },
        "PROBABLY_YES",
    ),
    ("a hint that the processor lacks too", {**kvm_says(FEATURES), **seen("fsrm")}, "NO"),
    (
        "raw CPUID rather than names",
        {
            **NO_CAPABILITIES,
            "destination.cpu.features": NO_AVX2,
            "destination.cpu.core_kinds": [{"leaves": registers(FEATURES)[0]}],
        },
        "PROBABLY_YES",
    ),
    (
        "one kind of core lacks it",
        {
            **NO_CAPABILITIES,
            "destination.cpu.core_kinds": [
                {"leaves": registers(FEATURES)[0]},
                {"leaves": registers(NO_AVX2)[0]},
            ],
        },
        "PROBABLY_NO",
    ),
    *(
        (
            f"TSX of model {model}, stepping {stepping}",
            {
                **NO_CAPABILITIES,
                **seen("hle", "rtm"),
                "destination.cpu.features": [*FEATURES, "hle", "rtm"],
                "destination.cpu.model": model,
                "destination.cpu.stepping": stepping,
            },
            expected,
        )
        for model, stepping, expected in (
            (60, 3, "PROBABLY_NO"),
            (69, 1, "PROBABLY_NO"),
            (70, 1, "PROBABLY_NO"),
            (63, 2, "PROBABLY_NO"),
            (63, 4, "PROBABLY_YES"),
            (61, 4, "PROBABLY_YES"),
        )
    ),
    ("POWER, the same", {**POWER, "vm.cpu.model": "POWER9"}, "YES"),
    ("POWER, another", {**POWER, "vm.cpu.model": "POWER8"}, "NO"),
    (
        "POWER, compatible",
        {**POWER, "vm.cpu.model": "power8", "vm.cpu.mode": "host-model"},
        "PROBABLY_YES",
    ),
    (
        "POWER, too new",
        {**POWER, "vm.cpu.model": "power10", "vm.cpu.mode": "host-model"},
        "NO",
    ),
    (
        "POWER of another vendor",
        {**POWER, "vm.cpu.model": "POWER9", "vm.cpu.vendor": "Freescale"},
        "NO",
    ),
    ("POWER, unknown", {**POWER, f"destination.{CONNECTION}.host_cpu": None}, "NO_IDEA"),
    ("nothing known", {**NO_CAPABILITIES, "destination.cpu": None}, "NO_IDEA"),
    ("not expanded", {"vm.cpu.expanded": False, "vm.cpu.expanded_features": []}, "NO_IDEA"),
    (
        "not expanded, but a missing one is named",
        {"vm.cpu.expanded": False, **with_policy("require", "avx512f")},
        "NO",
    ),
    ("the default CPU", {"vm.cpu.model": None, "vm.cpu.expanded": False}, "YES"),
    ("passed through", {"vm.cpu.mode": "maximum", f"{HOST_MODEL}.features": []}, "YES"),
    ("no <cpu>", {"vm.cpu": None}, "YES"),
    ("forbidden, not started yet", {**FULL_FORBID, "vm.cpu.check": "partial"}, "NO"),
    ("forbidden, running", FULL_FORBID, "NO"),
    (
        "forbidden, running, an older libvirt",
        {**FULL_FORBID, f"destination.{CONNECTION}.libvirt_version": 8_010_000},
        "PROBABLY_NO",
    ),
    (
        "forbidden, running, and only the processor has it",
        {**FULL_FORBID, f"{HOST_MODEL}.features": ["sse2"]},
        "NO_IDEA",
    ),
    ("forbidden, running, and not there", {**FULL_FORBID, **with_policy("forbid", "mpx")}, "YES"),
    ("forbidden, running, a part of the emulated model", {**FULL_FORBID, **TCG}, "YES"),
    (
        "forbidden, running, beyond the emulated model",
        {**FULL_FORBID, **TCG, f"{TCG_MODEL}.extra_features": ["rdrand"]},
        "NO",
    ),
    ("all that the source gives", {**MINIMUM, **LOST}, "NO"),
    ("all that the source gives, as the destination does", {**MINIMUM, **LOST_BOTH}, "YES"),
    (
        "all that the source gives but one",
        {**MINIMUM, **LOST, **with_policy("disable", "avx2")},
        "YES",
    ),
    (
        "strict, not started yet",
        {
            "vm.cpu.match": "strict",
            "vm.cpu.check": None,
            f"{HOST_MODEL}.features": [*FEATURES, "x"],
        },
        "NO",
    ),
    (
        "strict, running",
        {"vm.cpu.match": "strict", f"{HOST_MODEL}.features": [*FEATURES, "x"]},
        "YES",
    ),
    ("another vendor, not started yet", {"vm.cpu.vendor": "AMD", "vm.cpu.check": "partial"}, "NO"),
    ("VMX features of a guest without VMX", seen("vmx-ept"), "YES"),
    ("VMX features", seen("vmx", "vmx-ept"), "NO"),
    (
        "features that libvirt does not send",
        {
            f"{HOST_MODEL}.features": [*FEATURES, "vmx"],
            **seen("vmx", "vmx-ept"),
            **with_policy("require", "vmx", "vmx-ept"),
            "incoming.cpu.features": [{"name": "vmx", "policy": "require"}],
        },
        "YES",
    ),
    (
        "only the processor's features are known, not its vendor",
        {**NO_CAPABILITIES, "destination.cpu.vendor": None, "vm.cpu.check": "partial"},
        "PROBABLY_YES",
    ),
    ("by QEMU's and the kernel's names", {"vm.cpu.expanded_features": ["sse3", "xd"]}, "YES"),
]


TABLES = {
    "cpu.vendor": VENDOR,
    "cpu.features": CPU_FEATURES,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_every_missing_feature_is_named_and_can_be_disabled():
    less = [each for each in FEATURES if each not in {"avx", "avx2", "fma"}]
    found = finding("cpu.features", migration({f"{HOST_MODEL}.features": less}))
    assert "avx, avx2, fma" in found.reason
    assert found.remedies[0].disable_cpu_features.features == ["avx", "avx2", "fma"]
