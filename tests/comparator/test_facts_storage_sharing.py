"""Caches of disks, and what libvirt lets pass as shared."""

import pytest

from tests.comparator.builders import answer, finding
from tests.comparator.disk_changes import (
    BASE,
    BASE_THERE,
    BOTH_PATH,
    DISK,
    EXT4,
    LOCAL,
    PATH,
    VHOST_USER,
    block,
)
from tests.comparator.tables import case_of, cases

OLD_QEMU = {"source.hypervisor.connections[0].hypervisor_version": 2_011_000}


def there_on(kind):
    """Put the disk on a file system of that type on the destination."""
    return {f"{PATH}.filesystem": {**EXT4, "type": kind}}


CACHES = [
    ("none", {}, "YES"),
    ("directsync", {f"vm.{DISK}.cache": "directsync"}, "YES"),
    ("writeback", {f"vm.{DISK}.cache": "writeback"}, "PROBABLY_YES"),
    ("default", {f"vm.{DISK}.cache": None}, "PROBABLY_YES"),
    ("writeback, old QEMU", {f"vm.{DISK}.cache": "writeback", **OLD_QEMU}, "NO"),
    (
        "writeback, old QEMU, --unsafe",
        {f"vm.{DISK}.cache": "writeback", "options.unsafe": True, **OLD_QEMU},
        "PROBABLY_NO",
    ),
    (
        "writeback, QEMU not known",
        {
            f"vm.{DISK}.cache": "writeback",
            "source.hypervisor.connections[0].hypervisor_version": None,
        },
        "NO_IDEA",
    ),
    ("a server of its own", {f"vm.{DISK}.source": VHOST_USER, f"vm.{DISK}.cache": None}, "YES"),
    ("no O_DIRECT there", there_on("ramfs"), "NO"),
    (
        "no O_DIRECT there, with a cache",
        {**there_on("ramfs"), f"vm.{DISK}.cache": None},
        "PROBABLY_YES",
    ),
    ("tmpfs of old", {**there_on("tmpfs"), "destination.kernel.release": "6.1.0-18-amd64"}, "NO"),
    ("tmpfs of today", {**there_on("tmpfs"), "destination.kernel.release": "6.6.0"}, "YES"),
    (
        "a copy goes to where O_DIRECT is not known",
        {**there_on("ramfs"), f"{PATH}.exists": False, "options.storage_copy": 1},
        "NO",
    ),
    (
        "an image below, without O_DIRECT",
        {**BASE, f"{BASE_THERE}.path.filesystem": {**EXT4, "type": "ramfs"}},
        "NO",
    ),
    ("read-only", {f"vm.{DISK}.cache": "writeback", f"vm.{DISK}.read_only": True}, "YES"),
    ("shareable", {f"vm.{DISK}.cache": "writeback", f"vm.{DISK}.shareable": True}, "YES"),
    ("copied", {f"vm.{DISK}.cache": "writeback", "options.storage_copy": 1}, "YES"),
    (
        "cluster file system",
        {f"vm.{DISK}.cache": "writeback", f"{BOTH_PATH}.filesystem.type": "gfs2"},
        "YES",
    ),
]
SHARED = [
    ("nfs", {}, "YES"),
    ("ext4", LOCAL, "NO"),
    ("ext4, --unsafe", {**LOCAL, "options.unsafe": True}, "YES"),
    ("ext4, read-only", {**LOCAL, f"vm.{DISK}.read_only": True}, "YES"),
    ("ext4, shareable", {**LOCAL, f"vm.{DISK}.shareable": True}, "NO"),
    ("ext4, copied", {**LOCAL, "options.storage_copy": 1}, "YES"),
    ("a block device", block(wwn="1"), "YES"),
    ("NVMe", {f"vm.{DISK}.source": {"type": "nvme"}}, "NO"),
    ("a network disk", {f"vm.{DISK}.source": {"type": "network", "protocol": "rbd"}}, "YES"),
    (
        "not known",
        {f"{BOTH_PATH}.filesystem": None, "source.mounts": None},
        "NO_IDEA",
    ),
]
TABLES = {
    "storage.cache_mode": CACHES,
    "storage.shared_proof": SHARED,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
