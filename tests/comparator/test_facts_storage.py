"""Disks: what the destination has, what is the same, what libvirt lets pass."""

import pytest

from tests.comparator.builders import GIB, answer, finding, migration, remedy_kinds
from tests.comparator.probed_disks import CONTENTS
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality
from vmfit.v1.migration_pb2 import StorageCopy
from vmfit_comparator.facts.storage import image_chain, path_present
from vmfit_comparator.facts.storage_backing import backing_identity
from vmfit_comparator.facts.storage_format import image_format
from vmfit_comparator.facts.storage_identity import disk_identity
from vmfit_comparator.facts.storage_sharing import cache_mode, shared_proof

DISK = "disks[0]"
THERE = f"incoming.{DISK}"
PATH = f"{THERE}.source.path"
BOTH_PATH = f"vm.{DISK}.source.path"
EXT4 = {"type": "ext4", "source": "/dev/sda1", "mountPoint": "/", "root": "/", "uuid": "u-1"}
LOCAL = {f"{BOTH_PATH}.filesystem": EXT4}
ONE_KERNEL = {"hosts.identity.boot_id": "same", **LOCAL}
BLOCK = {f"vm.{DISK}.source.type": "block", f"{BOTH_PATH}.kind": "block"}


def block(**identity):
    return {**BLOCK, f"{BOTH_PATH}.block": {"name": "sda", **identity}}


DATA = f"{THERE}.source.data_file"
DATA_FILE = {
    f"vm.{DISK}.source.data_file": {
        "path": "/srv/local/data",
        "exists": True,
        "kind": "file",
        "inode": "7",
        "sizeBytes": str(GIB),
        "filesystem": EXT4,
    },
}
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
    found = finding(path_present, migration(changes))
    assert (found.answer, found.quality) == (answer("YES"), Quality.QUALITY_REDUCED)
    assert "comes out empty" in found.reason


def test_the_remedy_for_a_missing_mount_names_it():
    changes = {
        f"{PATH}.exists": False,
        "destination.mounts.mounts": [{"mountPoint": "/", "type": "ext4", "source": "/dev/sda"}],
    }
    found = finding(path_present, migration(changes))
    assert found.remedies[0].provide_storage.source == "filer:/export"
    assert "/srv/shared/guest.qcow2 does not exist" in found.reason


VHOST_USER = {"type": "vhostuser", "path": {"path": "/run/disk", "exists": True}}
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


def test_other_content_under_the_same_path_says_what_differs():
    found = finding(disk_identity, migration({**ONE_KERNEL, f"{PATH}.inode": 43}))
    assert "inode 42 here, 43 there" in found.reason


CHAIN = {
    f"vm.{DISK}.backing_chain": [
        {"type": "file", "path": {"path": "/srv/shared/base.img", "exists": True}}
    ]
}
WAITS = {f"vm.{DISK}.source.header_format": "qcow2", "options.storage_copy": 1}
MISSING_BELOW = {f"{THERE}.backing_chain": [{"path": {"path": "/b", "exists": False}}]}
CHAINS = [
    ("none", {}, "YES"),
    ("all there", CHAIN, "YES"),
    ("missing", {**CHAIN, f"{THERE}.backing_chain[0].path.exists": False}, "NO"),
    ("not looked at", {**CHAIN, f"{THERE}.backing_chain[0].path.exists": None}, "NO_IDEA"),
    ("over the network", {f"vm.{DISK}.backing_chain": [{"protocol": "nbd", "name": "e"}]}, "YES"),
    ("not understood", {f"vm.{DISK}.backing_chain": [{"name": "json:{}"}]}, "NO_IDEA"),
    ("missing below what a flat image is copied to", {**WAITS, **MISSING_BELOW}, "YES"),
    ("missing, used in place", {**MISSING_BELOW, f"vm.{DISK}.source.header_format": "qcow2"}, "NO"),
    ("missing below what an overlay is copied to", {**CHAIN, **WAITS, **MISSING_BELOW}, "NO"),
    (
        "the top is missing",
        {**CHAIN, f"{PATH}.exists": False, f"{THERE}.backing_chain[0].path.exists": False},
        "YES",
    ),
]


APART = {f"{PATH}.filesystem.source": "other:/export", f"{PATH}.inode": 43}
LUKS = {f"vm.{DISK}.source.format": "raw", f"vm.{DISK}.source.encryption_format": "luks"}
HEADER = f"{THERE}.source.header_format"
INSIDE = {f"vm.{DISK}.source.encryption_format": "luks", HEADER: "qcow2"}
ENCRYPTED = f"{THERE}.source.encrypted"
FORMATS = [
    ("as named", {HEADER: "qcow2"}, "YES"),
    ("another", {HEADER: "raw"}, "NO"),
    ("another, to copy to", {HEADER: "raw", "options.storage_copy": 1}, "NO"),
    ("raw, whatever it begins with", {f"vm.{DISK}.source.format": "raw"}, "YES"),
    ("not read, but the guest's own", {}, "YES"),
    ("not read", APART, "PROBABLY_YES"),
    ("encrypted", {**LUKS, HEADER: "luks"}, "YES"),
    ("not encrypted", {**LUKS, HEADER: "raw"}, "NO"),
    ("encrypted inside", {**INSIDE, ENCRYPTED: True}, "YES"),
    ("not encrypted inside", {**INSIDE, ENCRYPTED: False}, "NO"),
    ("missing", {HEADER: "raw", f"{PATH}.exists": False}, "YES"),
    ("a format without magic bytes", {f"vm.{DISK}.source.format": "vpc", HEADER: "raw"}, "YES"),
    (
        "an image below",
        {
            f"vm.{DISK}.backing_chain": [
                {
                    "type": "file",
                    "format": "qcow2",
                    "headerFormat": "raw",
                    "path": {"path": "/srv/shared/base.qcow2", "exists": True},
                }
            ]
        },
        "NO",
    ),
]


BASE = {
    f"vm.{DISK}.backing_chain": [
        {
            "type": "file",
            "format": "raw",
            "virtualSizeBytes": GIB,
            "path": {"path": "/var/base.img", "exists": True, "inode": 7, "filesystem": EXT4},
        }
    ]
}
BASE_THERE = f"{THERE}.backing_chain[0]"
INCREMENTAL = {"options.storage_copy": StorageCopy.STORAGE_COPY_INCREMENTAL}
IN_FULL = {"options.storage_copy": StorageCopy.STORAGE_COPY_ALL}
UNREAD = {f"incoming.{DISK}.backing_chain": []}
ALONE = {**UNREAD, f"incoming.{DISK}.source.header_format": "qcow2"}
BACKING = [
    ("none", {}, "YES"),
    ("on both hosts", BASE, "PROBABLY_YES"),
    ("shared", {**CHAIN, f"vm.{DISK}.backing_chain[0].path.inode": 9}, "YES"),
    ("another size", {**BASE, f"{BASE_THERE}.virtual_size_bytes": 2 * GIB}, "NO"),
    (
        "another content",
        {
            **BASE,
            "probes.contents": [
                {"target": "vda[1]", "comparedCount": 9, "equalCount": 8, "tellingCount": 9}
            ],
        },
        "NO",
    ),
    (
        "another content of a formatted image",
        {
            **BASE,
            f"vm.{DISK}.backing_chain[0].format": "qcow2",
            "probes.contents": [
                {"target": "vda[1]", "comparedCount": 9, "equalCount": 8, "tellingCount": 9}
            ],
        },
        "PROBABLY_NO",
    ),
    (
        "equal content",
        {
            **BASE,
            "probes.contents": [
                {"target": "vda[1]", "comparedCount": 9, "equalCount": 9, "tellingCount": 9}
            ],
        },
        "PROBABLY_YES",
    ),
    ("an incremental copy onto an image over the same", {**BASE, **INCREMENTAL}, "PROBABLY_YES"),
    ("onto an image over nothing", {**BASE, **INCREMENTAL, **ALONE}, "NO"),
    ("in full, onto an image over nothing", {**BASE, **IN_FULL, **ALONE}, "YES"),
    ("onto an image that nobody read", {**BASE, **INCREMENTAL, **UNREAD}, "YES"),
    (
        "missing, storage.image_chain says so",
        {**BASE, f"{BASE_THERE}.path.exists": False},
        "YES",
    ),
    (
        "copied with all that lies below",
        {**BASE, f"{BASE_THERE}.virtual_size_bytes": 2 * GIB, "options.storage_copy": 1},
        "YES",
    ),
    (
        "copied incrementally",
        {**BASE, f"{BASE_THERE}.virtual_size_bytes": 2 * GIB, "options.storage_copy": 2},
        "NO",
    ),
]


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


@pytest.mark.parametrize(
    ("changes", "option"), [(ONE_KERNEL, "--unsafe"), (LOCAL, "--copy-storage-all")]
)
def test_unsafe_is_a_remedy_only_for_what_is_proven_the_same(changes, option):
    found = finding(shared_proof, migration(changes))
    assert remedy_kinds(found) == ["change_migration_option"]
    assert found.remedies[0].change_migration_option.option == option


TABLES = {
    path_present: PRESENT,
    disk_identity: SAME,
    image_chain: CHAINS,
    backing_identity: BACKING,
    image_format: FORMATS,
    cache_mode: CACHES,
    shared_proof: SHARED,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
