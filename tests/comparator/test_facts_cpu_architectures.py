"""CPUs of Arm, POWER, IBM Z, RISC-V and LoongArch."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.tables import case_of, cases
from vmfit_comparator.knowledge.cpu.generations import generation

CAPABILITIES = "hypervisor.connections[0].domain_capabilities"
NOT_EXPANDED = {
    "vm.cpu.expanded": False,
    "vm.cpu.expanded_features": [],
    "vm.cpu.features": [],
    "vm.cpu.vendor": None,
    f"hosts.{CAPABILITIES}": [],
}


def processor(architecture, **cpu):
    return {
        **NOT_EXPANDED,
        "vm.architecture": architecture,
        "hosts.cpu.architecture": architecture,
        "hosts.cpu.features": cpu.pop("features", ["a", "b"]),
        **{f"hosts.cpu.{name}": value for name, value in cpu.items()},
    }


OWN = {"vm.cpu.mode": "host-passthrough", "vm.cpu.model": None}
THERE = "destination.cpu"
N1 = {**processor("aarch64", vendor="ARM", model=0xD0C, stepping=0x31, family=None), **OWN}
KERNEL = "destination.kernel.release"
A53, A72 = 0x410FD034, 0x410FD083
LITTLE = [
    {"firstCpuId": 0, "cpuIds": [0, 1], "mainIdRegister": A53},
    {"firstCpuId": 2, "cpuIds": [2, 3], "mainIdRegister": A72},
]
ONLY_A72 = [{"firstCpuId": 0, "cpuIds": [0, 1, 2, 3], "mainIdRegister": A72}]
TCG = {"vm.domain_type": "qemu"}
Z = {
    **processor("s390x", vendor="IBM/S390", model=8561, features=["dfp", "vx"], stepping=None),
    "vm.cpu.model": "gen15a-base",
}


def pinned(*cpu_ids):
    return {"vm.vcpus.pins": [{"vcpuId": 0, "cpuIds": list(cpu_ids)}]}


PASSED_THROUGH = [
    ("Arm, the same", N1, "YES"),
    ("Arm, another part", {**N1, f"{THERE}.model": 0xD08}, "NO"),
    ("Arm, another implementer", {**N1, f"{THERE}.vendor": "Ampere"}, "NO"),
    ("Arm, another revision", {**N1, f"{THERE}.stepping": 0x41}, "NO"),
    (
        "Arm, another revision, which the kernel lets QEMU set",
        {**N1, f"{THERE}.stepping": 0x41, "hosts.kernel.release": "6.15.2"},
        "PROBABLY_NO",
    ),
    ("Arm, a feature less", {**N1, f"{THERE}.features": ["a"]}, "NO"),
    ("Arm, a feature more", {**N1, f"{THERE}.features": ["a", "b", "c"]}, "PROBABLY_NO"),
    ("Arm, a newer kernel", {**N1, KERNEL: "6.12.1"}, "PROBABLY_YES"),
    ("Arm, an older kernel", {**N1, KERNEL: "5.15.0"}, "PROBABLY_NO"),
    ("Arm, another build of the kernel", {**N1, KERNEL: "6.1.0-20-arm64"}, "PROBABLY_YES"),
    ("Arm, unknown", {**N1, f"{THERE}.model": None}, "NO_IDEA"),
    ("Arm, two kinds of cores", {**N1, "hosts.cpu.core_kinds": LITTLE}, "PROBABLY_NO"),
    (
        "Arm, two kinds of cores, and pinned to one",
        {**N1, "hosts.cpu.core_kinds": LITTLE, **pinned(2, 3)},
        "YES",
    ),
    (
        "Arm, pinned to cores that the destination lacks",
        {
            **N1,
            "source.cpu.core_kinds": LITTLE,
            f"{THERE}.core_kinds": [{**ONLY_A72[0]}, {"cpuIds": [9], "mainIdRegister": 5}],
            "vm.vcpus.cpu_ids": [0, 1, 9],
        },
        "NO",
    ),
    (
        "Arm, no kind in common",
        {
            **N1,
            "source.cpu.core_kinds": LITTLE,
            f"{THERE}.core_kinds": [{"firstCpuId": 0, "cpuIds": [0], "mainIdRegister": 7}],
        },
        "NO",
    ),
    ("Arm, one kind of cores", {**N1, "hosts.cpu.core_kinds": ONLY_A72}, "YES"),
    ("Arm, emulated", {**N1, **TCG, f"{THERE}.model": 0xD08}, "YES"),
    ("POWER, the same", {**processor("ppc64le"), **OWN,
        "hosts.hypervisor.connections[0].host_cpu": {"model": "POWER9"}}, "PROBABLY_YES"),
    ("POWER, a newer generation", {
        **processor("ppc64le"), **OWN,
        "source.hypervisor.connections[0].host_cpu": {"model": "POWER9"},
        "destination.hypervisor.connections[0].host_cpu": {"model": "POWER10"},
    }, "NO"),
    ("POWER, unknown", {
        **processor("ppc64le"), **OWN, "hosts.hypervisor.connections[0].host_cpu": None,
    }, "NO_IDEA"),
    ("RISC-V, the same", {**processor("riscv64", vendor="0x489"), **OWN}, "YES"),
    ("RISC-V, another", {**processor("riscv64"), **OWN, f"{THERE}.features": ["a"]}, "PROBABLY_NO"),
]  # fmt: skip
FEATURES = [
    ("Z, alike", Z, "YES"),
    ("Z, another kernel", {**Z, KERNEL: "6.12.1"}, "PROBABLY_YES"),
    ("Z, another machine", {**Z, f"{THERE}.model": 3906}, "NO_IDEA"),
    (
        "Z, another host model that nobody expanded",
        {
            **Z,
            f"hosts.{CAPABILITIES}": [
                {"domainType": "kvm", "architecture": "s390x", "hostModel": {"model": "gen15a"}}
            ],
            f"destination.{CAPABILITIES}[0].host_model.model": "z14",
        },
        "NO_IDEA",
    ),
    ("LoongArch, alike", processor("loongarch64", vendor="Loongson"), "YES"),
    ("LoongArch, another", {**processor("loongarch64"), f"{THERE}.stepping": 9}, "PROBABLY_NO"),
    (
        "nothing is known",
        {
            **processor("riscv64", features=[]),
            **{
                f"hosts.cpu.{name}": None
                for name in ("vendor", "family", "model", "stepping", "model_name")
            },
        },
        "NO_IDEA",
    ),
    (
        "emulated by another QEMU",
        {
            **processor("aarch64"),
            **TCG,
            "destination.hypervisor.connections[0].hypervisor_version": 10_000_000,
        },
        "PROBABLY_YES",
    ),
    (
        "emulated by an unknown QEMU",
        {
            **processor("aarch64"),
            **TCG,
            "destination.hypervisor.connections[0].hypervisor_version": None,
        },
        "NO_IDEA",
    ),
]
TABLES = {"cpu.mode_passthrough": PASSED_THROUGH, "cpu.features": FEATURES}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


@pytest.mark.parametrize(
    "fact",
    ["cpu.phys_bits", "cpu.migratable_flags", "cpu.xsave_state", "cpu.microcode",
     "cpu.extra_features", "cpu.model_usable"],
)  # fmt: skip
def test_what_is_about_x86_does_not_apply_elsewhere(fact):
    assert finding(fact, migration(processor("ppc64le"))).not_applicable


def test_z_in_the_order_of_its_machines():
    models = ["z900", "z9EC-base", "z10EC", "z196", "zEC12", "z13.2-base", "z14", "gen15a-base",
              "gen16b", "gen17a"]  # fmt: skip
    assert sorted(models, key=generation) == models
