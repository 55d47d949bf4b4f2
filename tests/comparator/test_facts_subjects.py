"""Devices that nothing tells apart: each is asked about, whichever comes last."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.tables import case_of, cases

LISTENING = {"destination.network.listening_ports": [{"address": "0.0.0.0", "port": 5000}]}


def nics(*each):
    return {"vm.nics": list(each)}


def devices(*each):
    return {"vm.other_devices": list(each)}


GONE = {"type": "ethernet", "script": {"path": "/etc/gone", "exists": False}}
THERE = {"type": "ethernet", "script": {"path": "/etc/up", "exists": True}}
SCRIPTS = [
    ("two NICs without a MAC", nics(GONE, THERE), "NO"),
    ("two NICs without a MAC, the second fails", nics(THERE, GONE), "NO"),
    (
        "two NICs of one MAC",
        nics(*({**each, "mac": "52:54:00:00:00:01"} for each in (GONE, THERE))),
        "NO",
    ),
]
DEMANDS = {"type": "bridge", "bridge": "br0", "model": "virtio", "driverName": "vhost"}
VHOST = [
    (
        "two NICs without a MAC",
        {**nics(DEMANDS, {"type": "user"}), "destination.kernel.device_nodes": ["net/tun"]},
        "NO",
    ),
    (
        "two NICs without a MAC, both on taps",
        {
            **nics(DEMANDS, {**DEMANDS, "model": "e1000"}),
            "destination.kernel.device_nodes": ["net/tun"],
        },
        "NO",
    ),
]
SERVER = {"type": "server", "socketHost": "0.0.0.0", "socketPort": 5000}
MULTICAST = {"type": "mcast", "socketHost": "239.0.0.1", "socketPort": 5001}
SOCKETS = [("two NICs without a MAC", {**nics(SERVER, MULTICAST), **LISTENING}, "NO")]
TAGGED = {"type": "bridge", "bridge": "br0", "vlanIds": [7]}
VLAN_TAGS = [("two NICs without a MAC", nics(TAGGED, {**TAGGED, "type": "user"}), "NO")]
LOST = {"type": "bridge", "bridge": "br9"}
BRIDGES = [("two NICs without a MAC", nics(LOST, {"type": "bridge", "bridge": "br0"}), "NO")]
ROM = {"model": "virtio", "rom": {"path": "/rom", "exists": False}}
ROMS = [("two NICs without a MAC", nics(ROM, {"model": "virtio", "romDisabled": True}), "NO")]
ACCELERATED = {"kind": "video", "model": "virtio", "accelerated3d": True}
VHOST_USER = {"kind": "video", "model": "virtio", "driverName": "vhostuser"}
DISK = {"target": "vda", "device": "disk", "bus": "virtio"}
BLOCKERS = [
    ("two videos", devices(ACCELERATED, VHOST_USER), "NO"),
    ("two videos, the second fails", devices(VHOST_USER, ACCELERATED), "NO"),
    ("two vDPA NICs without a MAC", nics({"type": "vdpa"}, {"type": "user"}), "PROBABLY_NO"),
    (
        "two disks without a target",
        {"vm.disks": [{**DISK, "target": "", "transient": True}, {**DISK, "target": ""}]},
        "NO",
    ),
]
CHANNEL = {"kind": "channel", "type": "unix", "mode": "bind", "targetName": "org.x"}
CHANNELS = [
    (
        "two channels of one name",
        {
            "vm.character_devices": [
                {**CHANNEL, "path": {"path": "/gone/s", "exists": False, "existingParent": "/"}},
                {**CHANNEL, "path": {"path": "/run/s", "exists": True}},
            ]
        },
        "NO",
    )
]
SHARE = {"target": "share", "driver": "virtiofs", "type": "mount"}
SHARES = [
    (
        "two of one tag",
        {
            "vm.filesystems": [
                {**SHARE, "source": {"path": "/gone", "exists": False}},
                {**SHARE, "source": {"path": "/srv", "exists": True, "kind": "directory"}},
            ]
        },
        "NO",
    )
]
STICK = {"type": "usb", "mode": "subsystem", "vendorId": "046d", "productId": "c52b"}
HOSTDEVS = [
    (
        "two of one kind",
        {
            "vm.host_devices": [STICK, {**STICK, "startupPolicy": "optional"}],
            "destination.usb.devices": [{"vendorId": "1d6b", "productId": "0002"}],
        },
        "NO",
    )
]
NVDIMM = {"model": "nvdimm", "sizeBytes": 4096}
SMALL = {"path": "/dev/dax0.0", "exists": True, "sizeBytes": 1024}
MEMORY = [
    (
        "two in one file",
        {
            "vm.memory.devices": [
                {**NVDIMM, "source": SMALL},
                {**NVDIMM, "source": {**SMALL, "sizeBytes": 8192}},
            ]
        },
        "NO",
    )
]
LABELS = [
    (
        "two of one model",
        {
            "vm.security_labels": [
                {"model": "dac", "type": "static", "label": "u:g", "namesExist": False},
                {"model": "dac", "type": "static", "label": "v:h", "namesExist": True},
            ]
        },
        "NO",
    ),
    (
        "both its user and its driver",
        {
            "vm.security_labels": [
                {"model": "apparmor", "type": "static", "label": "u:g", "namesExist": False}
            ],
            "destination.hypervisor.connections[0].security_models": [{"model": "apparmor"}],
        },
        "NO",
    ),
]
QCOW2 = {"path": "/img/top", "exists": True}
BASE = {"path": "/img/base", "exists": True}
FORMATS = [
    (
        "the top image was not read, the one below was",
        {
            "vm.disks": [
                {
                    **DISK,
                    "source": {"type": "file", "format": "qcow2", "path": QCOW2},
                    "backingChain": [
                        {"type": "file", "format": "qcow2", "headerFormat": "qcow2", "path": BASE}
                    ],
                }
            ]
        },
        "PROBABLY_YES",
    )
]
HELD = {"type": "file", "path": {"path": "/img/a", "realPath": "/img/a"}}
OTHER = {
    "name": "other",
    "uuid": "u",
    "state": "VM_STATE_RUNNING",
    "disks": [{**DISK, "source": HELD}],
}
LOCKS = [
    (
        "two disks of one target",
        {
            "vm.disks": [
                {**DISK, "source": HELD},
                {**DISK, "source": {"type": "file", "path": {"path": "/img/b"}}},
            ],
            "destination.domains.vms": [OTHER],
        },
        "PROBABLY_NO",
    )
]
TABLES = {
    "mem.nvdimm": MEMORY,
    "sec.model": LABELS,
    "storage.image_format": FORMATS,
    "storage.lock": LOCKS,
    "net.scripts": SCRIPTS,
    "net.sockets": SOCKETS,
    "net.vlan_tags": VLAN_TAGS,
    "net.bridge": BRIDGES,
    "dev.vhost": VHOST,
    "dev.option_rom": ROMS,
    "dev.blockers": BLOCKERS,
    "dev.chardev_paths": CHANNELS,
    "dev.filesystem": SHARES,
    "dev.hostdev": HOSTDEVS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answers(fact, row):
    assert finding(fact, case_of(row)).answer == answer(row[2])


def test_subjects_are_told_apart():
    found = finding("dev.blockers", migration(devices(ACCELERATED, VHOST_USER)))
    assert [each.subject for each in found.subjects[-2:]] == ["video 1", "video 2"]
    found = finding("net.scripts", migration(nics(GONE, THERE)))
    assert [each.subject for each in found.subjects] == ["NIC 1", "NIC 2"]
    assert found.reason.startswith("NIC 1: /etc/gone does not exist")


def test_a_subject_has_the_remedies_of_its_own():
    found = finding("net.scripts", migration(nics(GONE, THERE)))
    gone, there = found.subjects
    assert [each.provide_storage.path for each in gone.remedies] == ["/etc/gone"]
    assert not there.remedies
