"""The guest's CPU: passing through, models, flags, enlightenments."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.cpu_changes import (
    CAPABILITIES,
    CONNECTION,
    HOST_MODEL,
    LOST_BOTH,
    NO_AVX2,
    NO_CAPABILITIES,
    OFFLINE,
    TCG,
    TCG_MODEL,
    capabilities,
    kvm_says,
    processor_shows,
    seen,
    with_policy,
)
from tests.comparator.healthy import FEATURES
from tests.comparator.tables import case_of, cases

PASSED = {"vm.cpu.mode": "host-passthrough", "vm.cpu.expanded": False}
MAXIMUM = {"vm.cpu.mode": "maximum", "vm.cpu.expanded": False, **TCG}
LESSER = {f"{HOST_MODEL}.features": NO_AVX2, "destination.cpu.features": NO_AVX2}


def without(*names):
    return {f"{HOST_MODEL}.features": [each for each in FEATURES if each not in names]}


QUICK = {
    f"source.{CONNECTION}.domain_capabilities[0].host_model.features": [*FEATURES, "erms"],
}
PASSTHROUGH = [
    ("not passed through", {f"{HOST_MODEL}.features": []}, "YES"),
    ("the same host again", PASSED, "YES"),
    ("fewer features", {**PASSED, **LESSER}, "NO"),
    ("KVM does not tell of one", {**PASSED, f"{HOST_MODEL}.features": NO_AVX2}, "PROBABLY_YES"),
    ("fewer hints", {**PASSED, **QUICK}, "PROBABLY_YES"),
    ("KVM does not give a control", {**PASSED, **without("smep")}, "PROBABLY_NO"),
    ("an instruction and a control", {**PASSED, **without("avx2", "smep")}, "PROBABLY_NO"),
    (
        "a control and a feature of the processor",
        {**PASSED, **LESSER, **without("avx2", "smep")},
        "NO",
    ),
    (
        "fewer, but switched off",
        {**PASSED, f"{HOST_MODEL}.features": NO_AVX2, **with_policy("disable", "avx2")},
        "YES",
    ),
    (
        "fewer, and the guest's are known",
        {**PASSED, "vm.cpu.expanded": True, **LESSER},
        "NO",
    ),
    ("more features", {**PASSED, f"{HOST_MODEL}.features": [*FEATURES, "avx512f"]}, "PROBABLY_YES"),
    ("other microcode", {**PASSED, "destination.cpu.microcode_revisions": ["0x1"]}, "PROBABLY_YES"),
    ("other kernel", {**PASSED, "destination.kernel.release": "6.8.0"}, "PROBABLY_YES"),
    (
        "TCG does not care for microcode",
        {**MAXIMUM, "destination.cpu.microcode_revisions": ["0x1"]},
        "YES",
    ),
    ("TCG loses one", {**MAXIMUM, f"{TCG_MODEL}.features": NO_AVX2}, "PROBABLY_YES"),
    (
        "known from the processors",
        {**PASSED, f"hosts.{CONNECTION}.domain_capabilities": []},
        "PROBABLY_YES",
    ),
    ("known on one side", {**PASSED, **NO_CAPABILITIES}, "PROBABLY_YES"),
    ("known on one side, emulated", {**MAXIMUM, **NO_CAPABILITIES}, "NO_IDEA"),
    (
        "the processor loses one, which the guest may never have had",
        {**PASSED, **NO_CAPABILITIES, "destination.cpu.features": NO_AVX2},
        "PROBABLY_NO",
    ),
    (
        "KVM cannot give what the guest is known to have",
        {
            **PASSED,
            "vm.cpu.expanded": True,
            **kvm_says(FEATURES, "source"),
            **kvm_says(NO_AVX2),
            "destination.cpu.features": NO_AVX2,
        },
        "NO",
    ),
    (
        "known from the registers of both processors",
        {
            **PASSED,
            f"hosts.{CONNECTION}.domain_capabilities": [],
            **processor_shows(FEATURES, "source"),
            **processor_shows(NO_AVX2, "destination"),
        },
        "PROBABLY_NO",
    ),
    (
        "the machine type of the guest, among several",
        {
            **PASSED,
            f"hosts.{CONNECTION}.domain_capabilities": [
                capabilities("pc-q35-7.2", FEATURES),
                capabilities("pc-i440fx-7.2", NO_AVX2),
            ],
        },
        "YES",
    ),
    ("offline", {**PASSED, f"{HOST_MODEL}.features": NO_AVX2, **OFFLINE}, "YES"),
]
MODELS = f"{CAPABILITIES}.models"
NOT_USABLE = {"name": "Haswell-noTSX-IBRS", "usable": False}
MODES = f"{CAPABILITIES}.cpu_modes"
USABLE = [
    ("usable", {}, "YES"),
    ("not usable for what the guest has", {MODELS: [{**NOT_USABLE, "blockers": ["avx2"]}]}, "NO"),
    (
        "not usable for what the guest has not",
        {MODELS: [{**NOT_USABLE, "blockers": ["erms"]}]},
        "YES",
    ),
    ("not usable, but all that the guest has is there", {MODELS: [NOT_USABLE]}, "YES"),
    (
        "not usable, nobody knows why",
        {MODELS: [NOT_USABLE], f"{HOST_MODEL}.features": NO_AVX2},
        "PROBABLY_NO",
    ),
    (
        "not usable, and the guest will start without what it lacks",
        {MODELS: [{**NOT_USABLE, "blockers": ["avx2"]}], **LOST_BOTH, "vm.cpu.check": "partial"},
        "YES",
    ),
    ("not told", {MODELS: [{"name": "Haswell-noTSX-IBRS"}]}, "NO_IDEA"),
    ("not known there", {"vm.cpu.model": "GraniteRapids"}, "NO"),
    (
        "not known there, another will do",
        {"vm.cpu.model": "GraniteRapids", "vm.cpu.fallback": "allow"},
        "PROBABLY_YES",
    ),
    (
        "not known to anybody",
        {"vm.cpu.model": "X", "vm.cpu.fallback": "allow", "vm.cpu.expanded": False},
        "NO",
    ),
    ("no list of models", {MODELS: []}, "NO_IDEA"),
    ("no list", NO_CAPABILITIES, "NO_IDEA"),
    ("host-model", {"vm.cpu.mode": "host-model", "vm.cpu.model": "X"}, "YES"),
    (
        "a mode that is not supported",
        {**PASSED, f"{CAPABILITIES}.cpu_modes[0].supported": False},
        "NO",
    ),
    ("a mode that libvirt does not know", {**PASSED, MODES: [{"mode": "custom"}]}, "NO"),
    ("the default CPU", {"vm.cpu.model": None}, "YES"),
]
TSC_3GHZ = {"vm.timers": [{"name": "rtc"}, {"name": "tsc", "frequencyHz": 3 * 10**9}]}
WHOLE = {**PASSED, "vm.cpu.migratable": "off"}
NO_TSC = {"source.cpu.tsc": {}, "source.cpu.features": FEATURES}
FLAGS = [
    ("no invtsc", {}, "YES"),
    ("invtsc", seen("invtsc"), "NO"),
    ("invtsc with a fixed frequency", {**seen("invtsc"), **TSC_3GHZ}, "YES"),
    ("passed through whole", WHOLE, "NO"),
    (
        "passed through whole, by the host model",
        {
            **WHOLE,
            **NO_TSC,
            f"source.{CONNECTION}.domain_capabilities[0].host_model.features": [
                *FEATURES,
                "invtsc",
            ],
        },
        "NO",
    ),
    ("passed through whole, without it", {**WHOLE, **with_policy("disable", "invtsc")}, "YES"),
    ("passed through whole, of a source without it", {**WHOLE, **NO_TSC}, "YES"),
    (
        "passed through whole, nothing known of the source",
        {**WHOLE, "source.cpu": {}, f"source.{CONNECTION}.domain_capabilities": []},
        "NO_IDEA",
    ),
    ("passed through, migratable", PASSED, "YES"),
    ("passed through, asking for it", {**PASSED, **with_policy("require", "invtsc")}, "NO"),
    ("xsaves", seen("xsaves"), "YES"),
    ("not expanded", {"vm.cpu.expanded": False, "vm.cpu.expanded_features": []}, "NO_IDEA"),
]
HYPERV = {"vm.hypervisor_features.hyperv": ["relaxed", "vapic"]}
HYPERV_WHOLE = {"vm.hypervisor_features.hyperv_mode": "passthrough"}


def kvm_hyperv(*, here, there):
    return {"source.cpu.kvm.hyperv": here, "destination.cpu.kvm.hyperv": there}


ENLIGHTENMENTS = [
    ("the same kernel", HYPERV, "YES"),
    ("an older kernel", {**HYPERV, "destination.kernel.release": "5.10"}, "PROBABLY_YES"),
    ("no versions", {**HYPERV, "destination.kernel.release": "mine"}, "NO_IDEA"),
    (
        "passed through",
        {**HYPERV_WHOLE, "destination.kernel.release": "6.8"},
        "NO",
    ),
    ("not collected", {**HYPERV, "destination.kernel": None}, "NO_IDEA"),
    ("KVM there has none", {**HYPERV, **kvm_hyperv(here=True, there=False)}, "NO"),
    (
        "KVM there has none, here perhaps",
        {**HYPERV, "destination.cpu.kvm.hyperv": False},
        "PROBABLY_NO",
    ),
    ("KVM has none on either", {**HYPERV, **kvm_hyperv(here=False, there=False)}, "YES"),
    ("KVM has them on both", {**HYPERV, **kvm_hyperv(here=True, there=True)}, "YES"),
    ("emulated", {**HYPERV, **TCG, **kvm_hyperv(here=True, there=False)}, "YES"),
    ("passed through, none", {**HYPERV_WHOLE, **kvm_hyperv(here=False, there=False)}, "YES"),
    (
        "passed through, none here",
        {**HYPERV_WHOLE, **kvm_hyperv(here=False, there=True)},
        "PROBABLY_YES",
    ),
]
TABLES = {
    "cpu.mode_passthrough": PASSTHROUGH,
    "cpu.model_usable": USABLE,
    "cpu.migratable_flags": FLAGS,
    "cpu.enlightenments": ENLIGHTENMENTS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_a_guest_that_loses_features_breaks():
    found = finding(
        "cpu.mode_passthrough", migration({**PASSED, f"{HOST_MODEL}.features": NO_AVX2})
    )
    assert remedy_kinds(found) == ["disable_cpu_features", "use_cpu_model"]
    assert "avx2" in found.reason
