"""The state of network mounts and multipath maps, and other users of disks."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality

MOUNT = "destination.mounts.mounts[1]"
MOUNTS = [
    ("answers", {}, "YES"),
    ("hung", {f"{MOUNT}.hung": True}, "NO"),
    ("soft", {f"{MOUNT}.options": ["rw", "soft"]}, "PROBABLY_YES"),
    ("hung, but copied", {f"{MOUNT}.hung": True, "options.storage_copy": 1}, "YES"),
    ("local", {"vm.disks[0].source.path.path": "/root/x", f"{MOUNT}.hung": True}, "YES"),
    ("not collected", {"destination.mounts": None}, "NO_IDEA"),
]

DEVICES = "destination.block_devices.devices"
MAP = {
    "name": "dm-0",
    "paths": ["/dev/mapper/mpatha"],
    "slaves": ["sda", "sdb"],
    "deviceMapper": {"multipathWwid": "3600"},
}
MULTIPATH = {
    "vm.disks[0].source.type": "block",
    "vm.disks[0].source.path": {
        "path": "/dev/mapper/mpatha",
        "exists": True,
        "kind": "block",
        "block": {"name": "dm-0", "multipathWwid": "3600"},
    },
}
MAPS = [
    ("no map", {}, "YES"),
    ("two paths", {**MULTIPATH, DEVICES: [MAP]}, "YES"),
    ("one path", {**MULTIPATH, DEVICES: [{**MAP, "slaves": ["sda"]}]}, "YES"),
    ("no path", {**MULTIPATH, DEVICES: [{**MAP, "slaves": []}]}, "PROBABLY_NO"),
    (
        "suspended",
        {
            **MULTIPATH,
            DEVICES: [{**MAP, "deviceMapper": {"multipathWwid": "3600", "suspended": True}}],
        },
        "PROBABLY_NO",
    ),
    ("no map there", {**MULTIPATH, DEVICES: [{**MAP, "deviceMapper": None}]}, "YES"),
    ("missing", MULTIPATH, "YES"),
    ("not collected", {**MULTIPATH, "destination.block_devices": None}, "NO_IDEA"),
]


def neighbour(**disk):
    source = {"path": {"path": "/srv/shared/guest.qcow2"}}
    vm = {
        "name": "n",
        "uuid": "u",
        "state": "VM_STATE_RUNNING",
        "disks": [{"target": "vdb", "source": source, **disk}],
    }
    return {"destination.domains.vms": [vm]}


RBD = {"protocol": "rbd", "name": "p/i", "hosts": [{"name": "mon"}]}
WRITTEN = {"probes.contents": [{"target": "vda", "imageLocked": True, "imageWritten": True}]}
LOCKS = [
    ("alone", {}, "YES"),
    ("another writes", neighbour(), "PROBABLY_NO"),
    ("both share", {**neighbour(shareable=True), "vm.disks[0].shareable": True}, "YES"),
    ("only the other shares", neighbour(shareable=True), "PROBABLY_NO"),
    ("both read", {**neighbour(readOnly=True), "vm.disks[0].read_only": True}, "YES"),
    ("the other is shut off", {**neighbour(), "destination.domains.vms[0].state": 5}, "YES"),
    ("one RBD image", {**neighbour(source=RBD), "vm.disks[0].source": RBD}, "PROBABLY_NO"),
    (
        "somebody writes to what the guest reads",
        {**WRITTEN, "vm.disks[0].read_only": True},
        "PROBABLY_NO",
    ),
    (
        "somebody writes to what the guest reads, which is shareable",
        {**WRITTEN, "vm.disks[0].read_only": True, "vm.disks[0].shareable": True},
        "YES",
    ),
    ("the guest writes, as its lock shows", WRITTEN, "YES"),
    ("not collected", {"destination.domains": None}, "NO_IDEA"),
]

TABLES = {
    "storage.nfs_mount": MOUNTS,
    "storage.multipath": MAPS,
    "storage.lock": LOCKS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_a_single_path_is_a_lesser_yes():
    case = migration({**MULTIPATH, DEVICES: [{**MAP, "slaves": ["sda"]}]})
    assert finding("storage.multipath", case).quality == Quality.QUALITY_REDUCED
