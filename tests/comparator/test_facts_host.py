"""Hosts, hypervisors and their software."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality

CONNECTION = "hypervisor.connections[0]"
TAKEN = "2023-11-14T22:13:20Z"
DESTINATION = f"destination.{CONNECTION}"
URI = "options.destination_uri"
NO_SOCKET = "qemu:///system: cannot connect: no socket of a daemon in /run/libvirt"
HUNG = "qemu:///system: libvirt does not answer an earlier attempt"
REFUSED = "Failed to connect socket to '/run/libvirt/virtqemud-sock': Connection refused"
DOWN = {"destination.hypervisor.connections": [{"uri": "qemu:///system", "error": REFUSED}]}
FORBIDDEN = {
    "destination.hypervisor.connections": [
        {"uri": "qemu:///system", "error": "authentication unavailable: no polkit agent"}
    ]
}
XEN_ONLY = {"destination.hypervisor.connections": [{"uri": "xen:///", "driver": "Xen"}]}
NO_GUESTS = {f"{DESTINATION}.guest_archs": []}
NO_CAPABILITIES = {**NO_GUESTS, f"{DESTINATION}.page_sizes_bytes": []}
ONLY_EMULATED = {f"{DESTINATION}.guest_archs[0].domain_types": ["qemu"]}


def marked(**fields):
    return {"destination.attributes.values": {"schedulable": fields}}


def absent(part, error):
    return {
        f"destination.{part}": None,
        "destination.parts": [{"name": part, "error": error, "collectedAt": TAKEN}],
    }


REACHABLE = [
    ("both answer", {}, "YES"),
    ("a bit old", {"ages.source_seconds": 120}, "PROBABLY_YES"),
    ("too old", {"ages.destination_seconds": 3600}, "NO_IDEA"),
    ("no answer", {"ages.destination_error": "connection refused"}, "PROBABLY_NO"),
]
NO_UUID = {
    "source.identity.libvirt_identities": None,
    "source.identity.libvirt_host_uuid": None,
}
SAME_MACHINE = [
    ("two hosts", {}, "YES"),
    (
        "clones share a machine id and a boot id",
        {"hosts.identity.machine_id": "c" * 32, "hosts.identity.boot_id": "d"},
        "YES",
    ),
    ("one libvirt UUID", {"hosts.identity.libvirt_identities[0].host_uuid": "u"}, "NO"),
    (
        "libvirt's UUID from the identity",
        {
            "hosts.identity.libvirt_identities": None,
            "hosts.identity.libvirt_host_uuid": "ABC",
        },
        "NO",
    ),
    ("one firmware UUID", {**NO_UUID, "hosts.identity.product_uuid": "p"}, "PROBABLY_NO"),
    ("two firmware UUIDs", NO_UUID, "PROBABLY_YES"),
    ("no UUIDs", {**NO_UUID, "destination.identity.product_uuid": None}, "NO_IDEA"),
    ("no identity", {"source.identity": None}, "NO_IDEA"),
    ("by the destination's name", {URI: "qemu+tcp://beta/system"}, "YES"),
    ("by a name that is not known", {URI: "qemu+ssh://rack7/system"}, "YES"),
    ("back to the source, by name", {URI: "qemu+tcp://alpha/system"}, "NO"),
    ("back to the source, by address", {URI: "qemu+tls://192.0.2.1:16514/system"}, "NO"),
    (
        "both hosts have the name",
        {URI: "qemu+tcp://alpha/system", "destination.identity.hostname": "alpha"},
        "YES",
    ),
    ("where the client is", {URI: "qemu:///system"}, "PROBABLY_NO"),
    ("where the source is", {URI: "qemu:///system", "options.peer_to_peer": True}, "NO"),
    ("no URI at all", {URI: "qemu+tcp://[beta/system"}, "YES"),
]
LIBVIRT = [
    ("answers", {}, "YES"),
    ("only another driver answers", XEN_ONLY, "YES"),
    ("daemon down", DOWN, "NO"),
    ("part absent, daemon down", absent("hypervisor", REFUSED), "NO"),
    ("no daemon at all", absent("hypervisor", NO_SOCKET), "NO"),
    ("daemon hangs", absent("hypervisor", HUNG), "PROBABLY_NO"),
    ("agent may not ask", FORBIDDEN, "NO_IDEA"),
    ("no bindings", absent("hypervisor", "No module named 'libvirt'"), "NO_IDEA"),
    ("not asked", {"destination.hypervisor": None, "destination.parts": []}, "NO_IDEA"),
]
SCHEDULABLE = [
    ("nothing said", {"destination.attributes.values": {"rack": {"name": "r1"}}}, "YES"),
    ("enabled", marked(state="enabled"), "YES"),
    ("draining", marked(state="draining", reason="RAM"), "PROBABLY_NO"),
    ("maintenance", marked(state="maintenance"), "NO"),
    ("a typing error", marked(state="maintainance"), "NO_IDEA"),
]
KVM_REFUSED = {
    "probes.accesses": [{"path": "/dev/kvm", "write": True, "answer": {"userId": 64055}}]
}
TYPE = [
    ("kvm there", {}, "YES"),
    ("TCG", {"vm.domain_type": "qemu"}, "YES"),
    ("QEMU's user may not open it", KVM_REFUSED, "PROBABLY_NO"),
    (
        "QEMU's user, by its name",
        {**KVM_REFUSED, "destination.security.qemu_conf": {"user": "qemu"}},
        "NO",
    ),
    ("TCG does not open it", {**KVM_REFUSED, "vm.domain_type": "qemu"}, "YES"),
    (
        "nobody could try",
        {"probes.accesses": [{"path": "/dev/kvm", "write": True, "error": "x"}]},
        "YES",
    ),
    ("offline, no kvm", {**ONLY_EMULATED, "options.offline": True}, "YES"),
    (
        "offline, no such architecture",
        {"vm.architecture": "s390x", "options.offline": True},
        "NO",
    ),
    ("no kvm", ONLY_EMULATED, "NO"),
    ("no kvm, no /dev/kvm", {**ONLY_EMULATED, "destination.kernel.kvm_usable": False}, "NO"),
    ("no hvf", {"vm.domain_type": "hvf"}, "NO"),
    ("no such driver", {"vm.domain_type": "xen"}, "NO"),
    ("no libvirt asked", {"destination.hypervisor.connections": []}, "NO_IDEA"),
    ("no such architecture", {"vm.architecture": "s390x"}, "NO"),
    ("architecture not told", {"vm.architecture": None}, "NO_IDEA"),
    ("no capabilities", NO_CAPABILITIES, "NO_IDEA"),
    ("no emulator", NO_GUESTS, "NO"),
    ("libvirt down", DOWN, "NO_IDEA"),
    ("nothing collected", {"destination.hypervisor": None}, "NO_IDEA"),
]
ARCH = [
    ("native", {}, "YES"),
    ("emulated", {"destination.cpu.architecture": "aarch64", "vm.domain_type": "qemu"}, "YES"),
    ("no emulator", {"vm.architecture": "riscv64"}, "NO"),
    ("architecture not told", {"vm.architecture": None}, "NO_IDEA"),
    ("no capabilities", NO_CAPABILITIES, "NO_IDEA"),
    ("nothing collected", {"destination.hypervisor": None}, "NO_IDEA"),
]
QEMU = [
    ("the same", {}, "YES"),
    ("newer", {f"{DESTINATION}.hypervisor_version": 8002000}, "YES"),
    ("older minor", {f"{DESTINATION}.hypervisor_version": 7000000}, "PROBABLY_NO"),
    ("older major", {f"{DESTINATION}.hypervisor_version": 6002000}, "NO"),
    ("unknown", {f"{DESTINATION}.hypervisor_version": None}, "NO_IDEA"),
    ("no connection", XEN_ONLY, "NO_IDEA"),
]
LIBVIRT_VERSION = [
    ("the same", {}, "YES"),
    ("newer", {f"{DESTINATION}.libvirt_version": 10000000}, "YES"),
    ("older", {f"{DESTINATION}.libvirt_version": 8010000}, "PROBABLY_NO"),
    ("unknown", {f"source.{CONNECTION}.libvirt_version": None}, "NO_IDEA"),
]
KERNEL = [
    ("the same", {}, "YES"),
    ("newer", {"destination.kernel.release": "6.8.0-31-generic"}, "PROBABLY_YES"),
    ("older", {"destination.kernel.release": "5.10.0-28-amd64"}, "PROBABLY_NO"),
    ("not a version", {"destination.kernel.release": "custom"}, "NO_IDEA"),
    ("not collected", {"destination.kernel": None}, "NO_IDEA"),
]
THREADS = {"vm.cpu.topology": {"socketCount": 1, "coreCount": 1, "threadCount": 2}}
QEMU_10 = {f"{DESTINATION}.hypervisor_version": 10000000, **THREADS}
PKU = {"hosts.cpu.features": ["pku"], "source.kernel.release": "5.15.0-100-generic"}
REGRESSION = [
    ("none", {}, "YES"),
    (
        "a display with two heads",
        {
            "source.hypervisor.connections[0].hypervisor_version": 7002000,
            f"{DESTINATION}.hypervisor_version": 10000000,
            "vm.other_devices": [{"kind": "video", "model": "virtio", "headCount": 2}],
        },
        "PROBABLY_NO",
    ),
    ("ht", QEMU_10, "PROBABLY_NO"),
    ("ht, one thread in a socket", {**QEMU_10, "vm.cpu.topology": None}, "YES"),
    ("ht, fixed in libvirt", {**QEMU_10, f"{DESTINATION}.libvirt_version": 11010000}, "YES"),
    ("ht, the guest has it", {**QEMU_10, "vm.cpu.expanded_features": ["ht"]}, "YES"),
    ("ht, shut off", {**QEMU_10, "options.offline": True}, "YES"),
    (
        "multifd",
        {
            "source.hypervisor.connections[0].hypervisor_version": 8002000,
            f"{DESTINATION}.hypervisor_version": 9002000,
            "options.parallel": True,
        },
        "PROBABLY_NO",
    ),
    ("PKRU", PKU, "PROBABLY_NO"),
    ("PKRU, fixed kernels", {**PKU, "hosts.kernel.release": "6.8.0"}, "YES"),
    ("PKRU, no pku there", {**PKU, "destination.cpu.features": []}, "YES"),
    ("nothing collected", {"source.hypervisor": None}, "NO_IDEA"),
]
OTHER_PATH = {"incoming.emulator.path": "/opt/qemu", "incoming.emulator.exists": None}
EMULATOR = [
    ("there", {}, "YES"),
    ("libvirt knows it", {"incoming.emulator.exists": None}, "YES"),
    ("not there", {"incoming.emulator.exists": False}, "NO"),
    ("may be executed", {"incoming.emulator.mode": 0o755}, "YES"),
    ("may not be executed", {"incoming.emulator.mode": 0o644}, "NO"),
    ("nobody looked", OTHER_PATH, "NO_IDEA"),
    ("left to libvirt", {"vm.emulator": None}, "YES"),
]

TABLES = {
    "host.reachable": REACHABLE,
    "host.same_machine": SAME_MACHINE,
    "host.libvirt": LIBVIRT,
    "host.schedulable": SCHEDULABLE,
    "hv.type": TYPE,
    "hv.arch": ARCH,
    "sw.qemu_version": QEMU,
    "sw.libvirt_version": LIBVIRT_VERSION,
    "sw.kernel_version": KERNEL,
    "sw.known_regression": REGRESSION,
    "sw.emulator_path": EMULATOR,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


@pytest.mark.parametrize(("fact", "changes"), [("hv.type", TYPE[1][1]), ("hv.arch", ARCH[1][1])])
def test_emulation_is_a_lesser_yes(fact, changes):
    assert finding(fact, migration(changes)).quality == Quality.QUALITY_EMULATED


def test_a_wrong_emulator_path_is_answered_with_the_right_one():
    found = finding("sw.emulator_path", migration({"incoming.emulator.exists": False}))
    assert found.remedies[0].change_definition.value == "/usr/bin/qemu-system-x86_64"


def test_a_silent_agent_is_named():
    case = migration({"ages.destination_error": "deadline exceeded"})
    assert "destination's agent: deadline exceeded" in finding("host.reachable", case).reason


def test_a_dead_libvirt_is_to_be_started():
    assert remedy_kinds(finding("host.libvirt", migration(DOWN))) == ["restart_service"]
