"""Whether disks are the same on both hosts."""

import pytest

from tests.comparator.builders import GIB, answer, finding
from tests.comparator.disk_changes import (
    BLOCK,
    BOTH_PATH,
    DATA_FILE,
    DISK,
    EXT4,
    LOCAL,
    ONE_KERNEL,
    PATH,
    THERE,
    VHOST_USER,
    block,
)
from tests.comparator.probed_disks import CONTENTS
from tests.comparator.tables import case_of, cases

SAME = [
    ("each host's own data file", DATA_FILE, "NO"),
    (
        "one data file",
        {
            f"vm.{DISK}.source.data_file": {
                "path": "/srv/shared/data",
                "exists": True,
                "inode": "7",
            }
        },
        "YES",
    ),
    ("one export, one inode", {}, "YES"),
    ("another inode", {f"{PATH}.inode": 43}, "NO"),
    ("inode not known", {f"{PATH}.inode": None}, "PROBABLY_YES"),
    ("another size", {f"{THERE}.source.virtual_size_bytes": GIB}, "PROBABLY_NO"),
    (
        "another server, same inode",
        {f"{PATH}.filesystem.source": "filer2:/export"},
        "PROBABLY_YES",
    ),
    (
        "another server, another inode",
        {f"{PATH}.filesystem.source": "filer2:/export", f"{PATH}.inode": 43},
        "NO",
    ),
    (
        "another server, inode not known",
        {f"{PATH}.filesystem.source": "filer2:/export", f"{PATH}.inode": None},
        "NO_IDEA",
    ),
    (
        "one server by two names",
        {
            f"{PATH}.filesystem.source": "filer.example.net:/export",
            "hosts.mounts.mounts[1].options": ["addr=192.0.2.9", "vers=4.2"],
        },
        "YES",
    ),
    (
        "which file system is not known",
        {f"{PATH}.filesystem": None, "destination.mounts": None},
        "NO_IDEA",
    ),
    ("by the mounts", {f"{BOTH_PATH}.filesystem": None}, "YES"),
    ("the destination exports it", {f"{PATH}.filesystem": EXT4}, "PROBABLY_YES"),
    ("shared here, local there", {f"{PATH}.filesystem": EXT4, f"{PATH}.inode": 43}, "NO"),
    ("each host's own disk", LOCAL, "NO"),
    ("each host's own disk, one clone", {**LOCAL, "hosts.identity.boot_id": None}, "PROBABLY_YES"),
    (
        "local, other UUID",
        {**LOCAL, "hosts.identity.boot_id": None, f"{PATH}.filesystem.uuid": "u-2"},
        "NO",
    ),
    (
        "local, no inode",
        {**LOCAL, "hosts.identity.boot_id": None, f"{BOTH_PATH}.inode": None},
        "PROBABLY_NO",
    ),
    ("read-only copies", {**LOCAL, f"vm.{DISK}.read_only": True}, "PROBABLY_YES"),
    (
        "read-only copies of another size",
        {
            **LOCAL,
            f"vm.{DISK}.read_only": True,
            f"{THERE}.source.virtual_size_bytes": GIB,
        },
        "NO",
    ),
    (
        "read-only, a copy on each of two exports",
        {
            f"vm.{DISK}.read_only": True,
            f"{PATH}.filesystem.source": "other:/export",
            f"{PATH}.inode": 43,
        },
        "PROBABLY_YES",
    ),
    (
        "another CD",
        {
            **LOCAL,
            f"vm.{DISK}.device": "cdrom",
            f"{THERE}.source.virtual_size_bytes": GIB,
        },
        "PROBABLY_YES",
    ),
    (
        "read-only copies on one kernel",
        {**ONE_KERNEL, f"{PATH}.inode": 43, f"vm.{DISK}.read_only": True},
        "PROBABLY_YES",
    ),
    ("one kernel, one inode", ONE_KERNEL, "YES"),
    ("one kernel, another inode", {**ONE_KERNEL, f"{PATH}.inode": 43}, "NO"),
    ("one kernel, no inode", {**ONE_KERNEL, f"{PATH}.inode": None}, "NO_IDEA"),
    (
        "one kernel, two tmpfs with the same inode numbers",
        {
            **ONE_KERNEL,
            f"{BOTH_PATH}.filesystem": {"type": "tmpfs", "source": "tmpfs", "mountPoint": "/"},
            "source.mounts.mounts": [{"mountPoint": "/", "deviceNumber": "0:50"}],
            "destination.mounts.mounts": [{"mountPoint": "/", "deviceNumber": "0:51"}],
        },
        "NO",
    ),
    (
        "one kernel, one FUSE source mounted twice",
        {
            **ONE_KERNEL,
            f"{BOTH_PATH}.filesystem": {
                "type": "fuse.glusterfs",
                "source": "/pool",
                "mountPoint": "/srv/shared",
            },
            "source.mounts.mounts": [{"mountPoint": "/srv/shared", "deviceNumber": "0:50"}],
            "destination.mounts.mounts": [{"mountPoint": "/srv/shared", "deviceNumber": "0:51"}],
        },
        "YES",
    ),
    ("missing is another fact's", {f"{PATH}.exists": False}, "YES"),
    ("copied", {**LOCAL, "options.storage_copy": 1}, "YES"),
    ("a device here, a file there", {f"{PATH}.kind": "block"}, "NO"),
    (
        "GFS2 by UUID",
        {f"{BOTH_PATH}.filesystem": {"type": "gfs2", "uuid": "g", "source": "/dev/x"}},
        "YES",
    ),
    (
        "GFS2, another UUID",
        {
            f"{BOTH_PATH}.filesystem": {"type": "gfs2", "uuid": "g", "source": "/dev/x"},
            f"{PATH}.filesystem.uuid": "h",
        },
        "NO",
    ),
    ("a device, WWN", block(wwn="5000c500a1b2c3d4"), "YES"),
    (
        "a partition, other UUID on the same disk",
        {
            **block(wwn="5000c500a1b2c3d4", partitionUuid="p-1"),
            f"{PATH}.block": {"name": "sda", "wwn": "5000c500a1b2c3d4", "partitionUuid": "p-2"},
        },
        "NO",
    ),
    (
        "one unit through two targets of an array",
        {
            **block(wwn="6000c500a1b2c3d4", iscsiTargetName="iqn.2026-01.a:one", iscsiLun=1),
            f"{PATH}.block": {
                "name": "sda",
                "wwn": "6000c500a1b2c3d4",
                "iscsiTargetName": "iqn.2026-01.a:two",
                "iscsiLun": 1,
            },
        },
        "YES",
    ),
    (
        "a device, other WWN",
        {**block(wwn="5000c500a1b2c3d4"), f"{PATH}.block.wwn": "5000c500ffffffff"},
        "NO",
    ),
    ("a device, vendor, model and serial", block(vendor="ATA", model="M", serial="S1"), "YES"),
    ("other vendor", {**block(vendor="ATA", serial="S1"), f"{PATH}.block.vendor": "HP"}, "NO"),
    ("other model", {**block(model="M", serial="S1"), f"{PATH}.block.model": "N"}, "NO"),
    ("other serial", {**block(model="M", serial="S1"), f"{PATH}.block.serial": "S2"}, "NO"),
    ("USB", block(vendor="V", model="M", serial="S1", bus="usb"), "PROBABLY_YES"),
    ("FireWire", block(wwn="1", transport="ieee1394"), "PROBABLY_YES"),
    ("USB, other serial", {**block(serial="S1", bus="usb"), f"{PATH}.block.serial": "S2"}, "NO"),
    ("nothing known", block(), "NO_IDEA"),
    ("nothing known, another size", {**block(), f"{PATH}.size_bytes": 5}, "NO"),
    ("nothing known, no medium there", {**block(), f"{PATH}.size_bytes": 0}, "NO"),
    (
        "not described there, another size",
        {**block(wwn="w"), f"{PATH}.block": None, f"{PATH}.size_bytes": 5},
        "NO",
    ),
    ("not described", BLOCK, "NO_IDEA"),
    ("iSCSI", block(iscsiTargetName="iqn.x:t", iscsiLun=1), "YES"),
    (
        "iSCSI, another LUN",
        {**block(iscsiTargetName="iqn.x:t", iscsiLun=1), f"{PATH}.block.iscsi_lun": 2},
        "NO",
    ),
    ("multipath", block(multipathWwid="3600"), "YES"),
    ("logical volume", block(dmUuid="LVM-1"), "PROBABLY_YES"),
    ("other logical volume", {**block(dmUuid="LVM-1"), f"{PATH}.block.dm_uuid": "LVM-2"}, "NO"),
    (
        "logical volume on one disk",
        {
            **block(dmUuid="LVM-1"),
            "hosts.block_devices.devices": [
                {"name": "sda", "slaves": ["sdb"]},
                {"name": "sdb", "wwn": "w1"},
            ],
        },
        "YES",
    ),
    (
        "logical volume of a cloned disk",
        {
            **block(dmUuid="LVM-1"),
            "source.block_devices.devices": [{"name": "sda", "wwn": "w1"}],
            "destination.block_devices.devices": [{"name": "sda", "wwn": "w2"}],
        },
        "NO",
    ),
    ("resized", {**block(wwn="w"), f"{PATH}.size_bytes": 5}, "PROBABLY_NO"),
    (
        "found in the snapshot",
        {
            **BLOCK,
            f"{BOTH_PATH}.path": "/dev/mapper/lun",
            "hosts.block_devices.devices": [
                {"name": "dm-0", "paths": ["/dev/mapper/lun"], "wwn": "w1"}
            ],
        },
        "YES",
    ),
    (
        "RBD",
        {
            f"vm.{DISK}.source": {
                "type": "network",
                "protocol": "rbd",
                "name": "p/i",
                "hosts": [{"name": "mon"}],
            }
        },
        "YES",
    ),
    (
        "another RBD image",
        {
            f"vm.{DISK}.source": {"type": "network", "protocol": "rbd", "name": "p/i"},
            f"{THERE}.source.name": "p/j",
        },
        "PROBABLY_NO",
    ),
    (
        "an NBD export of another server",
        {
            f"vm.{DISK}.source": {
                "type": "network",
                "protocol": "nbd",
                "name": "e",
                "hosts": [{"name": "a"}],
            },
            f"{THERE}.source.hosts": [{"name": "b"}],
        },
        "NO_IDEA",
    ),
    (
        "a server of each host's own",
        {
            f"vm.{DISK}.source": {
                "type": "network",
                "protocol": "nbd",
                "hosts": [{"name": "localhost"}],
            }
        },
        "NO_IDEA",
    ),
    ("NVMe", {f"vm.{DISK}.source": {"type": "nvme"}}, "PROBABLY_NO"),
    ("a server on each host", {f"vm.{DISK}.source": VHOST_USER}, "NO_IDEA"),
    *CONTENTS,
]
TABLES = {
    "storage.disk_identity": SAME,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
