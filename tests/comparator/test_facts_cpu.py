"""The guest's CPU: vendor, features, passing through, models."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.healthy import FEATURES
from tests.comparator.tables import case_of, cases
from vmfit_comparator.facts import cpu, cpu_model, cpu_passthrough
from vmfit_contract.cpu_features import Msr, feature

CONNECTION = "hypervisor.connections[0]"
CAPABILITIES = f"destination.{CONNECTION}.domain_capabilities[0]"
HOST_MODEL = f"{CAPABILITIES}.host_model"
TCG_MODEL = f"destination.{CONNECTION}.domain_capabilities[1].host_model"
NO_AVX2 = [each for each in FEATURES if each != "avx2"]
AMD = {"destination.cpu.vendor": "AuthenticAMD"}


def registers(names):
    """The leaves, and the feature MSRs, that show exactly these features."""
    leaves, msrs = {}, {}
    for bit in map(feature, names):
        if isinstance(bit.place, Msr):
            index = bit.place.address
            # Of a control: may be 1, need not.
            high = 32 if bit.place.is_control else 0
            msrs[index] = msrs.get(index, 0) | 1 << bit.number + high
            continue
        place = bit.place.leaf, bit.place.subleaf
        leaf = leaves.setdefault(place, {"leaf": place[0], "subleaf": place[1]})
        leaf[bit.place.register] = leaf.get(bit.place.register, 0) | 1 << bit.number
    return list(leaves.values()), [{"index": index, "value": msrs[index]} for index in msrs]


def kvm_says(names, side="destination"):
    leaves, msrs = registers(names)
    return {
        f"{side}.cpu.kvm": {"supportedLeaves": leaves, "featureMsrs": msrs},
        f"{side}.{CONNECTION}.domain_capabilities": [],
    }


NO_CAPABILITIES = {f"destination.{CONNECTION}.domain_capabilities": []}
TCG = {"vm.domain_type": "qemu"}
OFFLINE = {"options.offline": True}


def with_policy(policy, *names):
    return {"vm.cpu.features": [{"name": name, "policy": policy} for name in names]}


def seen(*names):
    return {"vm.cpu.expanded_features": [*FEATURES, *names]}


VENDOR = [
    ("the same", {}, "YES"),
    ("emulated", {**AMD, **TCG}, "YES"),
    ("the definition names one", AMD, "NO"),
    ("host-model", {**AMD, "vm.cpu.mode": "host-model", "vm.cpu.vendor": None}, "NO"),
    ("passed through", {**AMD, "vm.cpu.mode": "host-passthrough"}, "NO"),
    ("a bare model", {**AMD, "vm.cpu.vendor": None}, "PROBABLY_NO"),
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
LOST_BOTH = {
    f"hosts.{CONNECTION}.domain_capabilities[0].host_model.features": NO_AVX2,
}
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
    cpu.vendor: VENDOR,
    cpu.features: CPU_FEATURES,
    cpu_passthrough.mode_passthrough: PASSTHROUGH,
    cpu_model.model_usable: USABLE,
    cpu_model.migratable_flags: FLAGS,
    cpu_model.enlightenments: ENLIGHTENMENTS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_every_missing_feature_is_named_and_can_be_disabled():
    less = [each for each in FEATURES if each not in {"avx", "avx2", "fma"}]
    found = finding(cpu.features, migration({f"{HOST_MODEL}.features": less}))
    assert "avx, avx2, fma" in found.reason
    assert found.remedies[0].disable_cpu_features.features == ["avx", "avx2", "fma"]


def test_a_guest_that_loses_features_breaks():
    found = finding(
        cpu_passthrough.mode_passthrough, migration({**PASSED, f"{HOST_MODEL}.features": NO_AVX2})
    )
    assert remedy_kinds(found) == ["disable_cpu_features", "use_cpu_model"]
    assert "avx2" in found.reason
