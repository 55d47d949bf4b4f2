"""The list of known migration bugs can be extended without knowing the code."""

import re
from importlib import resources

import pytest
import yaml

from tests.comparator.builders import migration
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit_comparator.knowledge.regression_conditions import CONDITIONS
from vmfit_comparator.knowledge.regressions import VERSIONS, matching_regressions, regressions

TEXT = resources.files("vmfit_comparator.knowledge").joinpath("known_regressions.yaml").read_text()
ENTRIES = yaml.safe_load(TEXT)
REQUIRED = {"id", "summary", "package", "fixed_in", "references", "when"}
OPTIONS = set(MigrationOptions.DESCRIPTOR.fields_by_name)

Q35 = "pc-q35-7.1"
PORT = {"kind": "controller", "type": "pci", "model": "pcie-root-port"}
RNG = {"kind": "rng", "model": "virtio"}
VSOCK = {"kind": "vsock", "model": "virtio"}
BALLOON = {"kind": "memballoon", "model": "virtio"}
MACHINE = "vm.machine_type"
DISPLAY = {"kind": "video", "model": "virtio", "head_count": 1}
TWO_HEADS = {**DISPLAY, "head_count": 2}
EMULATED = {"vm.domain_type": "qemu"}


def qemu(source, destination, **changes):
    return {"source.qemu": source, "destination.qemu": destination, **changes}


def libvirt(source, destination, **changes):
    return {"source.libvirt": source, "destination.libvirt": destination, **changes}


def kernels(source, destination, **changes):
    return {
        "source.kernel.release": source,
        "destination.kernel.release": destination,
        "vm.architecture": "aarch64",
        **changes,
    }


def devices(*found, machine=Q35):
    return {"vm.other_devices": list(found), "vm.machine_type": machine}


def features(*names):
    return {"vm.cpu.expanded_features": list(names)}


THREADS = {"vm.cpu.topology": {"socketCount": 1, "coreCount": 2, "threadCount": 1}}
SOCKETS = {"vm.cpu.topology": {"socketCount": 2, "coreCount": 1, "threadCount": 1}}
NEW_QEMU = qemu("9.2", "10.1", **THREADS)
AMD = {"hosts.cpu.vendor": "AuthenticAMD", **features("arch-capabilities")}
PASSED_THROUGH = {"vm.cpu.mode": "host-passthrough"}
PARALLEL = {"options.parallel": True}
TLS_COPY = {"options.tls": True, "options.storage_copy": 1, **PARALLEL}
ONCE = {"options.storage_copy": 1}
INCREMENTAL = {"options.storage_copy": 2}
RESUME = {"options.post_copy_resume": True}
PMU = {"vm.hypervisor_features.enabled": ["acpi", "pmu"]}
VMX = features("vmx")
PKU = {"hosts.cpu.features": ["pku"], "vm.architecture": "x86_64"}

# What matches, and what differs from it in one condition alone.
ROWS = [
    ("qemu-10-ht", NEW_QEMU),
    ("", {**NEW_QEMU, **SOCKETS}),
    ("", qemu("9.2", "10.1")),
    ("", {**NEW_QEMU, **libvirt("9.0", "11.10")}),
    ("", {**NEW_QEMU, **features("ht")}),
    ("qemu-10-ht-emulated", {**NEW_QEMU, **EMULATED}),
    ("", {**NEW_QEMU, **EMULATED, **features("ht")}),
    ("", {**NEW_QEMU, **EMULATED, **SOCKETS}),
    ("", {**NEW_QEMU, **EMULATED, **libvirt("9.0", "11.10")}),
    ("qemu-10-ht-emulated-back", qemu("10.1", "9.2", **THREADS, **EMULATED)),
    ("", qemu("10.1", "9.2", **SOCKETS, **EMULATED)),
    ("", qemu("10.1", "9.2", **THREADS)),
    ("", qemu("10.1", "10.0", **THREADS, **EMULATED)),
    ("", {**NEW_QEMU, "vm.cpu.expanded": False}),
    ("qemu-10.1-pdcm", qemu("10.0.3", "10.1.1", **features("pdcm"))),
    ("qemu-10.1-pdcm", qemu("9.2", "10.0.5", **features("pdcm"))),
    ("", qemu("9.2", "10.0.6", **features("pdcm"))),
    ("", qemu("10.0.3", "10.1.2", **features("pdcm"))),
    ("", qemu("10.0.3", "10.1.1", **features("pdcm"), **PMU)),
    ("", qemu("10.0.3", "10.1.1", **features("pdcm"), **PASSED_THROUGH)),
    ("qemu-10.1-amd-arch-capabilities", qemu("10.0.3", "10.1.0", **AMD)),
    ("", qemu("10.0.3", "10.1.2", **AMD)),
    ("", qemu("10.0.3", "10.1.0", **features("arch-capabilities"))),
    ("qemu-9.2-multifd", qemu("8.2", "9.2", **PARALLEL)),
    ("", qemu("8.2", "9.2")),
    ("", qemu("8.2", "9.2.1", **PARALLEL)),
    ("", qemu("9.0", "9.2", **PARALLEL)),
    ("qemu-9.0-virtio-gpu-incoming", qemu("8.2", "9.0", **devices(DISPLAY))),
    ("", qemu("8.2", "9.0.1", **devices(DISPLAY))),
    ("", qemu("8.2", "9.0", **devices(RNG))),
    ("qemu-9.0-virtio-gpu-outgoing", qemu("9.0", "9.1", **devices(DISPLAY))),
    ("qemu-9.0-virtio-gpu-outgoing", qemu("9.0", "8.2", **devices(DISPLAY))),
    ("", qemu("9.0", "9.1", **devices(DISPLAY, machine="pc-q35-9.0"))),
    ("", qemu("9.0", "9.0", **devices(DISPLAY))),
    ("qemu-9.0-virtio-gpu-heads-incoming", qemu("7.2", "10.0", **devices(TWO_HEADS))),
    ("", qemu("7.2", "8.2", **devices(TWO_HEADS))),
    ("", qemu("7.2", "10.0", **devices(DISPLAY))),
    ("qemu-9.0-virtio-gpu-heads-outgoing", qemu("10.0", "7.2", **devices(TWO_HEADS))),
    ("", qemu("10.0", "9.1", **devices(TWO_HEADS))),
    ("qemu-8.0-pcie-error-mask-incoming", qemu("7.1", "8.0", **devices(PORT))),
    ("qemu-8.0-pcie-error-mask-incoming", qemu("7.1", "8.0", **devices(PORT, machine="virt-7.1"))),
    ("", qemu("7.1", "8.0", **devices(PORT, machine="pc-i440fx-7.1"))),
    ("", qemu("7.1", "8.0", **devices(PORT, machine="pc-q35-rhel9.2.0"))),
    ("", qemu("7.1", "8.0.1", **devices(PORT))),
    ("", qemu("7.1", "8.0", **devices())),
    ("qemu-8.0-pcie-error-mask-outgoing", qemu("8.0", "8.1", **devices(PORT))),
    ("qemu-8.0-pcie-error-mask-outgoing", qemu("8.0", "7.1", **devices(PORT))),
    ("", qemu("8.0", "8.1", **devices(PORT, machine="pc-q35-8.0"))),
    ("qemu-7.2-virtio-rng-incoming", qemu("7.1", "7.2", **devices(RNG))),
    ("", qemu("7.1", "7.2.1", **devices(RNG))),
    ("qemu-7.2-virtio-rng-outgoing", qemu("7.2", "8.2", **devices(RNG))),
    ("", qemu("7.2", "8.2", **devices(RNG, machine="pc-q35-7.2"))),
    ("qemu-6.1-vsock-seqpacket", qemu("6.1", "6.2", **devices(VSOCK, machine="pc-q35-6.0"))),
    ("", qemu("6.1.1", "6.2", **devices(VSOCK, machine="pc-q35-6.0"))),
    (
        "",
        {
            **qemu("6.1", "6.2", **devices(VSOCK, machine="pc-q35-6.0")),
            "source.kernel.release": "5.10.0",
        },
    ),
    ("qemu-4.0-virtio-balloon", qemu("3.1", "4.0", **devices(BALLOON, machine="pc-i440fx-3.1"))),
    ("", qemu("3.1", "4.0", **devices(BALLOON, machine="pc-q35-3.1"))),
    ("", qemu("3.1", "4.1", **devices(BALLOON, machine="pc-i440fx-2.12"))),
    ("qemu-vmx-blocked", qemu("4.0", "5.2", **VMX)),
    ("", qemu("4.1", "5.2", **VMX)),
    ("", qemu("4.0", "5.2")),
    ("ubuntu-wily-machine", qemu("2.5", "4.2", **{MACHINE: "pc-i440fx-wily"})),
    ("", qemu("2.5", "4.2", **{MACHINE: "pc-i440fx-2.4"})),
    ("", qemu("2.11", "4.2", **{MACHINE: "pc-i440fx-wily"})),
    ("ubuntu-trusty-machine", qemu("2.3", "2.5", **{MACHINE: "pc-i440fx-trusty"})),
    ("", qemu("2.0", "2.5", **{MACHINE: "pc-i440fx-trusty"})),
    ("libvirt-9.10-vmx-incoming", libvirt("9.0", "10.0", **VMX)),
    ("", libvirt("9.0", "10.2", **VMX)),
    ("", libvirt("9.0", "10.0")),
    ("", libvirt("9.0", "10.0", **VMX, **PASSED_THROUGH)),
    ("libvirt-9.10-vmx-outgoing", libvirt("10.0", "9.0", **VMX)),
    ("libvirt-10.2-vmx-back", libvirt("10.2", "10.1", **VMX)),
    ("", libvirt("10.0", "10.1", **VMX)),
    ("libvirt-10.2-tls-copy", libvirt("10.2", "10.2", **TLS_COPY)),
    ("", libvirt("10.3", "10.2", **TLS_COPY)),
    ("", libvirt("10.2", "10.2", **{**TLS_COPY, "options.storage_copy": 0})),
    ("", libvirt("10.2", "10.2", **{**TLS_COPY, "options.parallel": False})),
    ("", libvirt("10.2", "10.2", **TLS_COPY, **{"options.tls_destination": "beta"})),
    ("libvirt-8.7-copy", libvirt("8.7", "8.7", **ONCE)),
    ("", libvirt("8.7", "8.7")),
    ("", libvirt("8.7", "8.8", **ONCE)),
    ("libvirt-7.3-copy-incremental", libvirt("7.4", "7.4", **INCREMENTAL)),
    ("", libvirt("7.4", "7.4", **ONCE)),
    ("libvirt-11.2-postcopy-resume", libvirt("11.4", "11.3", **RESUME)),
    ("", libvirt("11.3", "11.4", **RESUME)),
    ("kernel-pkru-state", kernels("5.15.0-100-generic", "6.1.0", **PKU)),
    ("", kernels("5.14.0-427.13.1.el9_4.x86_64", "6.12.0-55.9.1.el10_0.x86_64", **PKU)),
    ("", kernels("5.14.21-150500.55.44-default", "6.4.0-150600.21-default", **PKU)),
    ("", kernels("6.8.0", "6.8.0", **PKU)),
    ("", kernels("5.15.0", "6.1.0", **PKU, **features("pku"))),
    ("", kernels("5.15.0", "6.1.0", **{**PKU, "destination.cpu.features": []})),
    ("kernel-arm64-hypercall-bitmap", kernels("6.16.3", "6.12.0")),
    ("", kernels("6.16.3", "6.12.0", **{"vm.architecture": "x86_64"})),
    ("", kernels("6.16.3", "6.12.0", **{"vm.domain_type": "qemu"})),
    ("kernel-arm64-permission-registers", kernels("6.12.0", "6.13.1")),
    ("", kernels("6.1.0", "6.13.1")),
    ("", {**NEW_QEMU, "destination.qemu": None}),
]


def case_of(changes):
    """Spell the versions of a row out; a machine type that nothing speaks of stays out."""
    spelled = {"vm.machine_type": "pc-q35-9.0"}
    for path, value in changes.items():
        side, _, what = path.partition(".")
        if what not in {"qemu", "libvirt"}:
            spelled[path] = value
            continue
        field = "hypervisor_version" if what == "qemu" else "libvirt_version"
        number = value and sum(
            int(part) * weight
            for part, weight in zip(value.split("."), (1_000_000, 1000, 1), strict=False)
        )
        spelled[f"{side}.hypervisor.connections[0].{field}"] = number
    return migration(spelled)


@pytest.mark.parametrize(("expected", "changes"), ROWS)
def test_what_matches(expected, changes):
    found = [each.id for each in matching_regressions(case_of(changes))]
    assert found == ([expected] if expected else [])


def test_every_entry_has_a_row():
    assert {expected for expected, _ in ROWS if expected} == {each["id"] for each in ENTRIES}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_shape(entry):
    assert set(entry) >= REQUIRED
    assert set(entry) <= REQUIRED | {"added_features"}
    assert set(entry["when"]) <= {*VERSIONS, *CONDITIONS}, "a condition that nothing reads"
    assert set(VERSIONS).intersection(entry["when"]), "it would concern every pair of hosts"
    assert re.fullmatch(r"[a-z0-9.-]+", entry["id"])
    assert entry["references"]
    assert all(each.startswith("https://") for each in entry["references"])
    assert OPTIONS.issuperset(entry["when"].get("options", []))
    assert OPTIONS.issuperset(entry["when"].get("options_not", []))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_ranges(entry):
    for name in {*VERSIONS, "machine"}.intersection(entry["when"]):
        wanted = entry["when"][name]
        for each in wanted if isinstance(wanted, list) else [wanted]:
            bounds = {key: value for key, value in each.items() if key != "families"}
            assert bounds, name
            assert set(bounds) <= {"minimum", "below"}
            assert all(re.fullmatch(r"\d+(\.\d+){0,2}", value) for value in bounds.values())


def test_all_are_read():
    assert [each.id for each in regressions()] == [each["id"] for each in ENTRIES]
    assert len({each["id"] for each in ENTRIES}) == len(ENTRIES)
