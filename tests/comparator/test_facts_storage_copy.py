"""Copied disks, pools and free space; iSCSI sessions."""

import pytest

from tests.comparator.builders import GIB, answer, finding, migration, remedy_kinds
from tests.comparator.probed_disks import USERSPACE_SESSIONS
from tests.comparator.tables import case_of, cases

THERE = "incoming.disks[0]"
PATH = f"{THERE}.source.path"
ALL = {"options.storage_copy": 1}
INCREMENTAL = {"options.storage_copy": 2}
ABSENT = {f"{PATH}.exists": False}
# An image of the same name on a disk of the destination's own.
WAITING = {
    **ALL,
    "vm.disks[0].source.path.filesystem": {
        "type": "ext4",
        "source": "/dev/sda1",
        "mountPoint": "/",
        "availableBytes": 100 * GIB,
    },
    f"{PATH}.inode": 43,
}
POOL = {
    "uri": "qemu:///system",
    "name": "p",
    "type": "dir",
    "active": True,
    "targetPath": "/srv/shared/",
}
POOLS = "destination.libvirt_objects.storage_pools"
VOLUME = {
    "vm.disks[0].source": {
        "type": "volume",
        "pool": "p",
        "volume": "guest.qcow2",
        "virtualSizeBytes": 10 * GIB,
    }
}
GONE_VOLUME = {
    "incoming.disks[0].source.path": {"path": "/srv/shared/guest.qcow2", "exists": False}
}
LISTED = {**POOL, "volumes": [{"name": "guest.qcow2", "path": "/srv/shared/guest.qcow2"}]}

ON_NBD = {
    f"{THERE}.source": {
        "type": "network",
        "protocol": "nbd",
        "name": "e",
        "hosts": [{"name": "192.0.2.9"}],
    }
}


def opened(size):
    """Return what became of opening the network disk, 0 when it did not open."""
    answer = {"opens": bool(size), "virtualSizeBytes": str(size)} if size else {"reason": "no"}
    return {"probes.disks": [{"target": "vda", "answer": answer}]}


COPIES = [
    ("not asked for", {}, "YES"),
    ("an image waits", WAITING, "YES"),
    ("on a read-only mount", {**WAITING, f"{PATH}.filesystem.read_only": True}, "NO"),
    ("an empty one waits", {**WAITING, f"{THERE}.source.virtual_size_bytes": 0}, "NO"),
    ("a larger one waits", {**WAITING, f"{THERE}.source.virtual_size_bytes": 11 * GIB}, "NO"),
    (
        "one of as many sectors waits",
        {**WAITING, "vm.disks[0].source.virtual_size_bytes": 10 * GIB - 100},
        "YES",
    ),
    (
        "its size is not known",
        {**WAITING, f"{THERE}.source.virtual_size_bytes": None},
        "PROBABLY_YES",
    ),
    ("onto itself", ALL, "PROBABLY_NO"),
    (
        "onto itself below FUSE",
        {
            **ALL,
            "vm.disks[0].source.path.filesystem": {
                "type": "fuse.glusterfs",
                "source": "g:/v",
                "mountPoint": "/srv/shared",
            },
        },
        "NO_IDEA",
    ),
    (
        "onto itself, where locks are not seen",
        {**ALL, "probes.contents": [{"target": "vda", "imageLocked": False}]},
        "PROBABLY_YES",
    ),
    (
        "onto itself below FUSE, where locks are seen",
        {
            **ALL,
            "vm.disks[0].source.path.filesystem.type": "fuse.glusterfs",
            "probes.contents": [{"target": "vda", "imageLocked": True}],
        },
        "PROBABLY_NO",
    ),
    ("an NBD server's disk", {**ALL, **ON_NBD}, "NO_IDEA"),
    (
        "a network disk that does not answer",
        {
            **ALL,
            **ON_NBD,
            "probes.disks": [{"target": "vda", "answer": {"timedOutSeconds": 2.5}}],
        },
        "PROBABLY_NO",
    ),
    ("a network disk that opens", {**ALL, **ON_NBD, **opened(10 * GIB)}, "YES"),
    ("a smaller network disk", {**ALL, **ON_NBD, **opened(GIB)}, "NO"),
    ("a network disk that does not open", {**ALL, **ON_NBD, **opened(0)}, "NO"),
    ("no pool", {**ALL, **ABSENT}, "NO"),
    ("a pool", {**ALL, **ABSENT, POOLS: [POOL]}, "YES"),
    (
        "a pool whose directory is gone",
        {**ALL, **ABSENT, POOLS: [POOL], f"{PATH}.existing_parent": "/srv"},
        "NO",
    ),
    (
        "a pool whose directory is there",
        {**ALL, **ABSENT, POOLS: [POOL], f"{PATH}.existing_parent": "/srv/shared"},
        "YES",
    ),
    (
        "a pool by a symbolic link",
        {
            **ALL,
            **ABSENT,
            POOLS: [POOL],
            f"{PATH}.real_path": "/data/guest.qcow2",
            f"{PATH}.existing_parent": "/data",
        },
        "YES",
    ),
    (
        "a symbolic link to nothing",
        {**ALL, **ABSENT, POOLS: [POOL], f"{PATH}.real_path": "/data/other.qcow2"},
        "NO",
    ),
    (
        "a pool, for an encrypted image",
        {**ALL, **ABSENT, POOLS: [POOL], "vm.disks[0].source.encryption_format": "luks"},
        "NO",
    ),
    ("a pool of another connection", {**ALL, **ABSENT, POOLS: [{**POOL, "uri": "x"}]}, "NO"),
    ("an inactive pool", {**ALL, **ABSENT, POOLS: [{**POOL, "active": False}]}, "NO"),
    ("a pool elsewhere", {**ALL, **ABSENT, POOLS: [{**POOL, "targetPath": "/srv"}]}, "NO"),
    ("pools are not known", {**ALL, **ABSENT, "destination.libvirt_objects": None}, "NO_IDEA"),
    ("incremental into a pool", {**INCREMENTAL, **ABSENT, POOLS: [POOL]}, "NO"),
    ("a block device", {**ALL, **ABSENT, "vm.disks[0].source.type": "block"}, "NO"),
    ("nobody looked", {**ALL, f"{PATH}.exists": None}, "NO_IDEA"),
    ("tunnelled", {**WAITING, "options.tunnelled": True}, "NO"),
    ("no such disk", {**WAITING, "options.copied_disks": ["vdz"]}, "NO"),
    (
        "a read-only disk by name",
        {**WAITING, "options.copied_disks": ["vda"], "vm.disks[0].read_only": True},
        "NO",
    ),
    ("only a read-only disk", {**ALL, **ABSENT, "vm.disks[0].read_only": True}, "YES"),
    ("a volume", {**ALL, **VOLUME, POOLS: [POOL]}, "YES"),
    ("a volume that waits", {**ALL, **VOLUME, POOLS: [LISTED]}, "YES"),
    ("a volume without its pool", {**ALL, **VOLUME}, "NO"),
    (
        "a network disk",
        {**ALL, "vm.disks[0].source": {"type": "network", "protocol": "rbd"}},
        "NO_IDEA",
    ),
]


def test_a_missing_image_gets_a_remedy_with_its_size():
    found = finding("storage.copy", migration({**ALL, **ABSENT}))
    assert remedy_kinds(found) == ["provide_storage"]
    assert str(10 * GIB) in found.remedies[0].summary
    assert "over /srv/shared" in found.reason


VOLUMES = [
    ("no volume", {}, "YES"),
    ("active", {**VOLUME, POOLS: [LISTED]}, "YES"),
    ("missing", VOLUME, "NO"),
    ("inactive", {**VOLUME, POOLS: [{**LISTED, "active": False}]}, "NO"),
    ("without the volume", {**VOLUME, POOLS: [POOL]}, "PROBABLY_NO"),
    (
        "without the volume, of which the guest can do without",
        {**VOLUME, POOLS: [POOL], "vm.disks[0].startup_policy": "optional"},
        "YES",
    ),
    ("a volume whose file is gone", {**VOLUME, **GONE_VOLUME, POOLS: [LISTED]}, "NO"),
    ("without the volume, copied", {**VOLUME, **ALL, POOLS: [POOL]}, "YES"),
    ("volumes not listed", {**VOLUME, POOLS: [{**POOL, "error": "no answer"}]}, "NO_IDEA"),
    ("pools not known", {**VOLUME, "destination.libvirt_objects": None}, "NO_IDEA"),
]


FREE = f"{PATH}.filesystem.available_bytes"
INODES = f"{PATH}.filesystem.available_inode_count"
ROOM = [
    ("not copied", {}, "YES"),
    ("onto a network disk", {**ALL, **ON_NBD, FREE: 0}, "YES"),
    ("plenty", {**WAITING, FREE: 100 * GIB}, "YES"),
    ("what is allocated", {**WAITING, FREE: 5 * GIB}, "PROBABLY_YES"),
    ("an image that libvirt makes", {**WAITING, **ABSENT, FREE: 5 * GIB}, "PROBABLY_NO"),
    ("too little", {**WAITING, **ABSENT, FREE: GIB // 2}, "NO"),
    ("a waiting image holds its bytes", {**WAITING, FREE: 9 * GIB}, "YES"),
    (
        "margin",
        {**WAITING, **ABSENT, FREE: 11 * GIB, "policy.margins.storage_ratio": 1.2},
        "PROBABLY_YES",
    ),
    ("not known", {**WAITING, FREE: None}, "NO_IDEA"),
    ("no inodes", {**WAITING, **ABSENT, FREE: 100 * GIB, INODES: 0}, "NO"),
    ("no inodes, and the image is there", {**WAITING, FREE: 100 * GIB, INODES: 0}, "YES"),
    ("an inode", {**WAITING, **ABSENT, FREE: 100 * GIB, INODES: 1}, "YES"),
    (
        "size not known",
        {**WAITING, FREE: GIB, "vm.disks[0].source.virtual_size_bytes": None},
        "NO_IDEA",
    ),
    ("a pool", {**ALL, **VOLUME, POOLS: [{**POOL, "availableBytes": 20 * GIB}]}, "YES"),
    ("a full pool", {**ALL, **VOLUME, POOLS: [{**POOL, "availableBytes": 1}]}, "NO_IDEA"),
]


def test_disks_of_one_place_share_its_room():
    case = migration({**WAITING, FREE: 15 * GIB})
    for vm in (case.vm, case.incoming):
        second = vm.disks.add()
        second.CopyFrom(vm.disks[0])
        second.target = "vdb"
    assert finding("storage.free_space", case).answer == answer("PROBABLY_YES")


TARGET = "iqn.2026-11.net.example:t"
LUN = {
    "vm.disks[0].source.type": "block",
    "vm.disks[0].source.path.block": {"name": "sdb", "iscsiTargetName": TARGET, "iscsiLun": 1},
}
INITIATOR = {"destination.iscsi.initiator_name": "iqn.2026-11.net.example:beta"}
NODE = {"targetName": TARGET, "portal": "192.0.2.9:3260"}
SESSION = {**NODE, "state": "LOGGED_IN"}
SESSIONS = [
    ("no iSCSI", {}, "YES"),
    ("up", {**LUN, **INITIATOR, "destination.iscsi.sessions": [SESSION]}, "YES"),
    (
        "failed",
        {**LUN, **INITIATOR, "destination.iscsi.sessions": [{**SESSION, "state": "FAILED"}]},
        "PROBABLY_NO",
    ),
    ("a record", {**LUN, **INITIATOR, "destination.iscsi.nodes": [NODE]}, "PROBABLY_YES"),
    (
        "a known portal",
        {
            **LUN,
            **INITIATOR,
            "source.iscsi.sessions": [SESSION],
            "destination.iscsi.sessions": [{**SESSION, "targetName": "iqn.other"}],
        },
        "PROBABLY_YES",
    ),
    ("an initiator that knows nothing", {**LUN, **INITIATOR}, "NO_IDEA"),
    ("no initiator", LUN, "NO"),
    ("not collected", {**LUN, "destination.iscsi": None}, "NO_IDEA"),
    *USERSPACE_SESSIONS,
]


def test_a_login_is_offered_at_the_portal_that_is_known():
    case = migration({**LUN, **INITIATOR, "destination.iscsi.nodes": [NODE]})
    (remedy,) = finding("storage.iscsi_session", case).remedies
    assert remedy.login_iscsi.portal == "192.0.2.9:3260"
    assert "--login" in remedy.command


MISSING_LUN = {**LUN, **ABSENT}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({**INITIATOR, "destination.iscsi.nodes": [NODE]}, "PROBABLY_YES"),
        ({**INITIATOR, "destination.iscsi.sessions": [SESSION]}, "PROBABLY_NO"),
        (INITIATOR, "NO_IDEA"),
        ({}, "NO"),
    ],
)
def test_a_missing_lun_can_be_attached(changes, expected):
    found = finding("storage.path_present", migration({**MISSING_LUN, **changes}))
    assert found.answer == answer(expected), found.reason


TABLES = {
    "storage.copy": COPIES,
    "storage.pool": VOLUMES,
    "storage.free_space": ROOM,
    "storage.iscsi_session": SESSIONS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
