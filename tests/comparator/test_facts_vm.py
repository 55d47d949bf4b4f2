"""The VM's state, jobs and machine, and the way back."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases
from vmfit.v1.vm_pb2 import VmState

CONNECTION = "hypervisor.connections[0]"
DESTINATION = f"destination.{CONNECTION}"
MACHINES = f"{DESTINATION}.guest_archs[0].machine_types"
OFFLINE = {"options.offline": True, "options.persistent": True}


def in_state(name, reason=""):
    return {"vm.state": VmState.Value(f"VM_STATE_{name}"), "vm.state_reason": reason}


IO_ERROR = in_state("PAUSED", "ioerror")
STATES = [
    ("running", {}, "YES"),
    ("paused", in_state("PAUSED", "user"), "YES"),
    ("I/O error", IO_ERROR, "PROBABLY_YES"),
    ("I/O error is to abort", {**IO_ERROR, "options.abort_on_error": True}, "NO"),
    ("suspended", in_state("SUSPENDED"), "PROBABLY_YES"),
    ("shutting down", in_state("SHUTDOWN"), "PROBABLY_NO"),
    ("crashed", in_state("CRASHED"), "NO"),
    ("shut off", in_state("SHUT_OFF"), "NO"),
    ("shut off, offline", {**in_state("SHUT_OFF"), **OFFLINE}, "YES"),
    ("shut off, offline, not persistent", {**in_state("SHUT_OFF"), "options.offline": True}, "NO"),
    ("a state that a newer agent knows", {"vm.state": 99}, "NO_IDEA"),
    ("a definition only", {"vm.state": None}, "YES"),
]
SNAPSHOTS = [
    ("none", {}, "YES"),
    ("one", {"vm.snapshot_count": 1}, "NO"),
    ("nobody counted", {"vm.snapshot_count": None}, "NO_IDEA"),
    ("a definition only", {"vm.snapshot_count": None, "vm.state": None}, "YES"),
]
JOBS = [
    ("idle", {}, "YES"),
    ("saving", {"vm.jobs.active": "save"}, "NO"),
    ("copying a disk", {"vm.jobs.block_jobs": [{"disk": "vda", "type": "copy"}]}, "NO"),
    ("nobody asked", {"vm.jobs": None}, "NO_IDEA"),
    ("shut off", {**in_state("SHUT_OFF"), "vm.jobs": None}, "YES"),
]
Q35 = {"vm.machine_type": "q35"}
NEWER_ALIAS = [{"name": "pc-q35-8.0"}, {"name": "q35", "canonical": "pc-q35-8.0"}]
MACHINE = [
    ("there", {}, "YES"),
    ("not there, offline", {"vm.machine_type": "pc-q35-99.9", **OFFLINE}, "YES"),
    ("an alias, the same on both", Q35, "YES"),
    (
        "an alias that became another machine",
        {**Q35, MACHINES: NEWER_ALIAS, f"{DESTINATION}.domain_capabilities": []},
        "NO",
    ),
    ("deprecated", {f"{MACHINES}[0].deprecated": True}, "YES"),
    ("not there", {MACHINES: NEWER_ALIAS, f"{DESTINATION}.domain_capabilities": []}, "NO"),
    ("known from domain capabilities alone", {MACHINES: NEWER_ALIAS}, "YES"),
    ("not told", {f"{DESTINATION}.guest_archs": []}, "NO_IDEA"),
    ("not collected", {"destination.hypervisor": None}, "NO_IDEA"),
    ("none given", {"vm.machine_type": None}, "YES"),
]
RNG = {"vm.other_devices": [{"kind": "rng", "model": "virtio", "backend": "random"}]}
MODELS = [
    ("all there", RNG, "YES"),
    ("no such backend", {"vm.other_devices": [{"kind": "rng", "backend": "magic"}]}, "NO"),
    (
        "no such backend, offline",
        {"vm.other_devices": [{"kind": "rng", "backend": "magic"}], **OFFLINE},
        "YES",
    ),
    (
        "rng not supported at all",
        {**RNG, f"{DESTINATION}.domain_capabilities[0].device_classes[2].supported": False},
        "NO",
    ),
    (
        "no such channel",
        {
            "vm.character_devices": [{"kind": "channel", "type": "spicevmc"}],
            f"{DESTINATION}.domain_capabilities[0].device_classes": [
                {
                    "name": "channel",
                    "supported": True,
                    "enums": [{"name": "type", "values": ["pty", "unix"]}],
                }
            ],
        },
        "NO",
    ),
    (
        "a channel that libvirt never lists",
        {
            "vm.character_devices": [{"kind": "channel", "type": "spiceport"}],
            f"{DESTINATION}.domain_capabilities[0].device_classes": [
                {
                    "name": "channel",
                    "supported": True,
                    "enums": [{"name": "type", "values": ["pty", "unix"]}],
                }
            ],
        },
        "YES",
    ),
    ("no such bus", {"vm.disks[0].bus": "sd"}, "NO"),
    ("a class that libvirt does not list", {"vm.graphics": [{"type": "vnc"}]}, "YES"),
    ("not collected", {"destination.hypervisor": None}, "NO_IDEA"),
    ("not told", {f"{DESTINATION}.domain_capabilities": []}, "NO_IDEA"),
]
PROGRAM = "destination.hypervisor.emulators"
LACKING = {
    PROGRAM: [
        {"path": "/usr/bin/qemu-system-x86_64", "absentDeviceTypes": ["virtio-rng-pci", "qxl"]}
    ],
    "vm.emulator.path": "/usr/bin/qemu-system-x86_64",
}
PORT = {"vm.character_devices": [{"kind": "serial", "type": "pty", "targetName": "isa-serial"}]}
TABLET = {"vm.other_devices": [{"kind": "input", "type": "tablet", "bus": "usb"}]}
USB = {"vm.other_devices": [{"kind": "controller", "type": "usb", "model": "ehci"}]}


def lacking(*types):
    return {**LACKING, f"{PROGRAM}[0].absent_device_types": list(types)}


def drive(bus, device):
    return {"vm.disks[0].bus": bus, "vm.disks[0].device": device}


TYPES = [
    ("never read", {PROGRAM: []}, "YES"),
    ("no device needs what is absent", LACKING, "YES"),
    ("the very type is absent", {**LACKING, **RNG}, "NO"),
    ("the very type is absent, offline", {**LACKING, **RNG, **OFFLINE}, "YES"),
    (
        "another variant is there",
        {**LACKING, "vm.other_devices": [{"kind": "video", "model": "qxl"}]},
        "YES",
    ),
    ("another program", {**LACKING, **RNG, "vm.emulator.path": "/opt/qemu"}, "YES"),
    (
        "the host's own program",
        {
            **LACKING,
            **RNG,
            "vm.emulator.path": None,
            f"{DESTINATION}.domain_capabilities[0].emulator_path": "/usr/bin/qemu-system-x86_64",
        },
        "NO",
    ),
    ("no PCI", {**LACKING, **RNG, "vm.machine_type": "microvm"}, "YES"),
    ("another architecture", {**LACKING, **RNG, "vm.architecture": "s390x"}, "YES"),
    ("a NIC", {**LACKING, f"{PROGRAM}[0].absent_device_types": ["virtio-net-pci"]}, "NO"),
    (
        "of the command line",
        {
            **LACKING,
            f"{PROGRAM}[0].absent_device_types": ["virtio-rng-pci"],
            "vm.qemu_arguments": ["-device", "virtio-rng-pci,addr=0x1e"],
        },
        "NO",
    ),
    ("a CD-ROM", {**lacking("ide-cd"), **drive("sata", "cdrom")}, "NO"),
    ("a SCSI disk", {**lacking("scsi-hd"), **drive("scsi", "disk")}, "NO"),
    ("a disk of another bus", {**lacking("scsi-hd", "ide-hd"), **drive("usb", "disk")}, "YES"),
    ("a serial port", {**lacking("isa-serial"), **PORT}, "NO"),
    ("a USB controller", {**lacking("usb-ehci"), **USB}, "NO"),
    ("a tablet", {**lacking("usb-tablet"), **TABLET}, "NO"),
    ("a tablet of another bus", {**lacking("virtio-tablet-pci"), **TABLET}, "YES"),
    ("a disk", {**LACKING, f"{PROGRAM}[0].absent_device_types": ["virtio-blk-pci"]}, "NO"),
]
OLD_MACHINE = {f"{DESTINATION}.guest_archs[0].machine_types[0].deprecated": True}
DEPRECATED = [
    ("kept", {}, "YES"),
    ("deprecated", OLD_MACHINE, "PROBABLY_NO"),
    ("not there", {"vm.machine_type": "pc-q35-9.9"}, "YES"),
    ("not collected", {"destination.hypervisor": None}, "NO_IDEA"),
]
DISPLAY = {"vm.other_devices": [{"kind": "video", "model": "virtio"}]}
VGA = ["hw-display-virtio-gpu-pci.so", "hw-display-virtio-vga.so"]
MODULES = {**DISPLAY, "hosts.hypervisor.qemu_modules": VGA}
WITHOUT_VGA = {**MODULES, "destination.hypervisor.qemu_modules": VGA[:1]}
BOTH = {"hosts.hypervisor.emulators": [{"path": "/usr/bin/qemu-system-x86_64"}]}
DISPLAYS = [
    ("no display", {}, "YES"),
    ("another one", {**WITHOUT_VGA, "vm.other_devices[0].model": "vga"}, "YES"),
    ("nothing known", DISPLAY, "YES"),
    ("modules on both", MODULES, "YES"),
    ("no module there", WITHOUT_VGA, "NO"),
    ("no module here", {**MODULES, "source.hypervisor.qemu_modules": VGA[:1]}, "NO"),
    ("built in on both", {**DISPLAY, **BOTH}, "YES"),
    (
        "not built in there",
        {
            **DISPLAY,
            **BOTH,
            "destination.hypervisor.emulators[0].absent_device_types": ["virtio-vga"],
        },
        "NO",
    ),
    (
        "the definition says which",
        {**WITHOUT_VGA, "hosts.hypervisor.connections[0].libvirt_version": 12_005_000},
        "YES",
    ),
    ("another architecture", {**WITHOUT_VGA, "vm.architecture": "aarch64"}, "YES"),
    ("shut off", {**WITHOUT_VGA, "options.offline": True}, "YES"),
]
BACK = [
    ("both ways", {}, "YES"),
    ("a newer QEMU there", {f"{DESTINATION}.hypervisor_version": 8002000}, "PROBABLY_YES"),
    ("unknown", {"source.hypervisor": None}, "NO_IDEA"),
]

TABLES = {
    "vm.state": STATES,
    "vm.snapshots": SNAPSHOTS,
    "job.active": JOBS,
    "machine.type": MACHINE,
    "machine.deprecated": DEPRECATED,
    "machine.device_models": MODELS,
    "machine.virtio_display": DISPLAYS,
    "machine.device_types": TYPES,
    "return.path": BACK,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_the_newest_machine_type_that_is_kept_is_named():
    kinds = [
        {"name": "pc-q35-7.2", "deprecated": True},
        *({"name": f"pc-q35-{version}"} for version in ("9.2", "10.1", "8.2")),
    ]
    found = finding(
        "machine.deprecated", migration({f"{DESTINATION}.guest_archs[0].machine_types": kinds})
    )
    assert found.remedies[0].change_definition.value == "pc-q35-10.1"


def test_a_job_is_to_be_waited_for():
    found = finding("job.active", migration({"vm.jobs.active": "backup"}))
    assert remedy_kinds(found) == ["wait_for_job"]


def test_the_way_back_says_what_is_against_it():
    case = migration({f"{DESTINATION}.hypervisor_version": 8002000})
    assert "sw.qemu_version: source 8.2.0" in finding("return.path", case).reason


def test_the_number_of_snapshots_is_told():
    assert "3 snapshots" in finding("vm.snapshots", migration({"vm.snapshot_count": 3})).reason
