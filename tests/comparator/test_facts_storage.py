"""Disks: what the destination has, what is the same, what libvirt lets pass."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.disk_changes import (
    BLOCK,
    BOTH_PATH,
    DATA_FILE,
    DISK,
    LOCAL,
    ONE_KERNEL,
    PATH,
    THERE,
)
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality

DATA = f"{THERE}.source.data_file"
READ_ONLY_DEVICE = {
    **BLOCK,
    f"{BOTH_PATH}.path": "/dev/disk/by-id/x",
    f"{BOTH_PATH}.real_path": "/dev/sdb",
    "destination.block_devices.devices": [{"name": "sdb", "readOnly": True}],
}
PRESENT = [
    ("there", {}, "YES"),
    ("missing", {f"{PATH}.exists": False}, "NO"),
    ("a directory", {f"{PATH}.kind": "directory"}, "NO"),
    ("nobody looked, mounted alike", {f"{PATH}.exists": None}, "PROBABLY_YES"),
    (
        "nobody looked, not mounted there",
        {
            f"{PATH}.exists": None,
            "destination.mounts.mounts": [
                {"mountPoint": "/", "type": "ext4", "source": "/dev/sda"}
            ],
        },
        "PROBABLY_NO",
    ),
    (
        "nobody looked, a pool lists it",
        {
            f"{PATH}.exists": None,
            "destination.libvirt_objects.storage_pools": [
                {"name": "p", "volumes": [{"path": "/srv/shared/guest.qcow2"}]}
            ],
        },
        "YES",
    ),
    (
        "nobody looked, nothing tells",
        {f"{PATH}.exists": None, "destination.mounts": None},
        "NO_IDEA",
    ),
    ("not readable", {f"{PATH}.error": "Permission denied"}, "PROBABLY_NO"),
    ("read-only mount", {f"{PATH}.filesystem.read_only": True}, "NO"),
    (
        "read-only mount of a CD-ROM",
        {f"{PATH}.filesystem.read_only": True, f"vm.{DISK}.device": "cdrom"},
        "YES",
    ),
    ("copied", {f"{PATH}.exists": False, "options.storage_copy": 1}, "YES"),
    (
        "not copied though another is",
        {f"{PATH}.exists": False, "options.storage_copy": 1, "options.copied_disks": ["vdb"]},
        "NO",
    ),
    (
        "shareable is not copied",
        {f"{PATH}.exists": False, "options.storage_copy": 1, f"vm.{DISK}.shareable": True},
        "NO",
    ),
    (
        "an optional hard disk vanishes under the guest",
        {f"{PATH}.exists": False, f"vm.{DISK}.startup_policy": "optional"},
        "NO",
    ),
    (
        "by udev's names",
        {
            **BLOCK,
            f"{BOTH_PATH}.path": "/dev/disk/by-id/x",
            f"{PATH}.exists": None,
            "destination.block_devices.devices": [{"name": "sdb", "paths": ["/dev/disk/by-id/x"]}],
        },
        "YES",
    ),
    ("a device that is read-only there", READ_ONLY_DEVICE, "NO"),
    (
        "a device that is read-only there, of which the guest only reads",
        {**READ_ONLY_DEVICE, f"vm.{DISK}.read_only": True},
        "YES",
    ),
    ("the file that holds the data is there", DATA_FILE, "YES"),
    ("the file that holds the data is missing", {**DATA_FILE, f"{DATA}.exists": False}, "NO"),
    (
        "the file that holds the data of a copied disk is missing",
        {**DATA_FILE, f"{DATA}.exists": False, "options.storage_copy": 1},
        "YES",
    ),
    ("offline", {f"{PATH}.exists": False, "options.offline": True}, "YES"),
]


@pytest.mark.parametrize("policy", ["optional", "requisite"])
def test_an_optional_medium_that_is_missing_leaves_an_empty_drive(policy):
    changes = {
        f"{PATH}.exists": False,
        f"vm.{DISK}.device": "cdrom",
        f"vm.{DISK}.startup_policy": policy,
    }
    found = finding("storage.path_present", migration(changes))
    assert (found.answer, found.quality) == (answer("YES"), Quality.QUALITY_REDUCED)
    assert "comes out empty" in found.reason


def test_the_remedy_for_a_missing_mount_names_it():
    changes = {
        f"{PATH}.exists": False,
        "destination.mounts.mounts": [{"mountPoint": "/", "type": "ext4", "source": "/dev/sda"}],
    }
    found = finding("storage.path_present", migration(changes))
    assert found.remedies[0].provide_storage.source == "filer:/export"
    assert "/srv/shared/guest.qcow2 does not exist" in found.reason


def test_other_content_under_the_same_path_says_what_differs():
    found = finding("storage.disk_identity", migration({**ONE_KERNEL, f"{PATH}.inode": 43}))
    assert "inode 42 here, 43 there" in found.reason


@pytest.mark.parametrize(
    ("changes", "option"), [(ONE_KERNEL, "--unsafe"), (LOCAL, "--copy-storage-all")]
)
def test_unsafe_is_a_remedy_only_for_what_is_proven_the_same(changes, option):
    found = finding("storage.shared_proof", migration(changes))
    assert remedy_kinds(found) == ["change_migration_option"]
    assert found.remedies[0].change_migration_option.option == option


def _sectors(bytes_on_destination, device="disk"):
    disk = {"name": "sdb", "logical_sector_bytes": 512}
    path = {"path": "/dev/sdb", "exists": True, "kind": "block"}
    return {
        "vm.disks[0].device": device,
        "vm.disks[0].source.type": "block",
        "vm.disks[0].source.path": path,
        "source.block_devices.devices": [disk],
        "destination.block_devices.devices": [
            {**disk, "logical_sector_bytes": bytes_on_destination}
        ],
    }


SECTORS = [
    ("a file", {}, "YES"),
    ("equal", _sectors(512), "YES"),
    ("larger", _sectors(4096), "YES"),
    ("larger, the guest's own", _sectors(4096, "lun"), "NO"),
    ("not told", {**_sectors(4096), "destination.block_devices.devices": [{"name": "sdb"}]}, "YES"),
    ("not collected", {**_sectors(512), "destination.block_devices": None}, "NO_IDEA"),
]
TABLES = {
    "storage.sector_size": SECTORS,
    "storage.path_present": PRESENT,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
