"""Drivers, permissions, Ceph, LVM and Fibre Channel behind the disks."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.tables import case_of, cases
from vmfit.v1.migration_pb2 import StorageCopy

RBD = {"type": "network", "protocol": "rbd", "name": "pool/guest"}
DISK = "vm.disks[0]"
HERE, THERE = "source.hypervisor.qemu_modules", "destination.hypervisor.qemu_modules"
NETWORK_DISK = {f"{DISK}.source": RBD}


def probed(**found):
    return {"probes.disks": [{"target": "vda", "answer": found}]}


DRIVERS = [
    ("a file", {}, "YES"),
    ("NBD is in every QEMU", {f"{DISK}.source": {"type": "network", "protocol": "nbd"}}, "YES"),
    ("module there", {**NETWORK_DISK, THERE: ["block-rbd.so"]}, "YES"),
    ("module missing", {**NETWORK_DISK, HERE: ["block-rbd.so"], THERE: ["block-ssh.so"]}, "NO"),
    ("no modules at all", {**NETWORK_DISK, HERE: ["block-rbd.so"]}, "PROBABLY_NO"),
    ("built in", NETWORK_DISK, "PROBABLY_YES"),
    ("a probe opened it", {**NETWORK_DISK, **probed(opens=True)}, "YES"),
    (
        "a probe found no driver",
        {**NETWORK_DISK, **probed(opens=False, driverMissing=True, reason="x")},
        "NO",
    ),
    (
        "a probe failed for another reason",
        {**NETWORK_DISK, **probed(opens=False, reason="x"), THERE: ["block-rbd.so"]},
        "YES",
    ),
    ("io_uring", {f"{DISK}.io": "io_uring"}, "YES"),
    (
        "io_uring, old kernel",
        {f"{DISK}.io": "io_uring", "destination.kernel.release": "4.18.0"},
        "NO",
    ),
    (
        "io_uring, unknown kernel",
        {f"{DISK}.io": "io_uring", "destination.kernel.release": ""},
        "NO_IDEA",
    ),
    ("not QEMU", {**NETWORK_DISK, "vm.domain_type": "xen"}, "YES"),
    ("not collected", {"destination.hypervisor": None}, "NO_IDEA"),
]
CONF = "destination.security.qemu_conf"
PATH = f"{DISK}.source.path"
FIXED = {CONF: {"dynamic_ownership": "0", "user": "qemu"}}
LOCAL = {"mountPoint": "/", "type": "ext4", "source": "/dev/sda1", "root": "/"}
GLUSTER = {"mountPoint": "/srv", "type": "fuse.glusterfs", "source": "s:/v", "shared": True}


def access(**found):
    path = "/srv/shared/guest.qcow2"
    return {"probes.accesses": [{"path": path, "write": True, "answer": found}]}


def owned(mode, *, relabel=False):
    """The guest's own user is 7 of group 8; the file is user 5's of group 8."""
    label = {"model": "dac", "type": "static", "label": "+7:+8", "relabel": relabel}
    return {
        **access(allowed=True),
        "vm.security_labels": [label],
        f"{PATH}.mode": mode,
        f"{PATH}.owner_id": 5,
        f"{PATH}.group_id": 8,
    }


BELOW = {
    f"{DISK}.backing_chain": [
        {"type": "file", "path": {"path": "/b", "exists": True, "mode": 0o600, "ownerId": 0}}
    ],
    f"{PATH}.mode": 0o666,
    "incoming.disks[0].backing_chain[0].path.filesystem": LOCAL,
}


def labels(source, destination):
    return {
        f"{side}.hypervisor.connections[0].security_models": [
            {"model": "dac", "baseLabels": {"kvm": f"+{user}:+{user}"}}
        ]
        for side, user in (("source", source), ("destination", destination))
    }


OTHER_USER = {**labels(107, 64055), f"{PATH}.owner_id": 107, f"{PATH}.mode": 0o600}
PERMISSIONS = [
    ("a user of its own may as group", owned(0o660), "YES"),
    ("a user of its own may not", owned(0o646), "PROBABLY_NO"),
    ("a user of its own, given the file", owned(0o600, relabel=True), "YES"),
    ("a user of its own, nobody looked", owned(None), "PROBABLY_YES"),
    (
        "an image that waits for a copy",
        {
            **access(allowed=False),
            f"{PATH}.filesystem": LOCAL,
            CONF: {"user": "qemu"},
            "options.storage_copy": StorageCopy.STORAGE_COPY_ALL,
        },
        "NO",
    ),
    ("a probe may", access(allowed=True), "YES"),
    (
        "a probe may as owner, over NFS",
        access(allowed=False, allowedAsOwner=True),
        "PROBABLY_YES",
    ),
    (
        "a probe may as owner",
        {**access(allowed=False, allowedAsOwner=True), f"{PATH}.filesystem": LOCAL},
        "YES",
    ),
    (
        "a probe may not, on a file that libvirt gives to the user",
        {
            **access(allowed=False),
            f"{PATH}.filesystem": GLUSTER,
            f"{PATH}.mode": 0o644,
            CONF: {"user": "qemu"},
        },
        "PROBABLY_YES",
    ),
    (
        "a probe may not, on a file that is open to all",
        {
            **access(allowed=False),
            f"{PATH}.filesystem": GLUSTER,
            f"{PATH}.mode": 0o666,
            CONF: {"user": "qemu"},
        },
        "NO",
    ),
    (
        "a probe may not, and libvirt leaves it",
        {**access(allowed=False), f"{PATH}.filesystem": GLUSTER, f"{PATH}.mode": 0o644, **FIXED},
        "NO",
    ),
    ("a probe may not", access(allowed=False, reason="x"), "PROBABLY_NO"),
    ("a probe may not, user known", {**access(allowed=False), CONF: {"user": "qemu"}}, "NO"),
    (
        "a probe may as owner, but libvirt leaves it",
        {**access(allowed=False, allowedAsOwner=True), **FIXED},
        "NO",
    ),
    ("NFS", {}, "PROBABLY_YES"),
    ("NFS, and QEMU's users differ", OTHER_USER, "PROBABLY_NO"),
    (
        "NFS, QEMU's users differ, and a probe may as owner",
        {**OTHER_USER, **access(allowed=False, allowedAsOwner=True)},
        "PROBABLY_NO",
    ),
    ("NFS, and QEMU's users differ on an open file", {**OTHER_USER, f"{PATH}.mode": 0o666}, "YES"),
    ("NFS, and the file is somebody's", {**OTHER_USER, f"{PATH}.owner_id": 5}, "PROBABLY_YES"),
    ("NFS, and QEMU is root there", {**OTHER_USER, **labels(107, 0)}, "PROBABLY_YES"),
    ("a local file, and QEMU's users differ", {**OTHER_USER, f"{PATH}.filesystem": LOCAL}, "YES"),
    ("open to all", {f"{PATH}.mode": 0o666}, "YES"),
    ("read-only and readable", {f"{PATH}.mode": 0o644, f"{DISK}.read_only": True}, "YES"),
    ("libvirt makes it the owner", {f"{PATH}.filesystem": LOCAL}, "YES"),
    ("root", {f"{PATH}.filesystem": LOCAL, CONF: {**FIXED[CONF], "user": "root"}}, "YES"),
    ("of another", FIXED, "PROBABLY_YES"),
    ("of root", {**FIXED, f"{PATH}.owner_id": 0}, "PROBABLY_NO"),
    (
        "labels are the operator's",
        {
            f"{PATH}.owner_id": 0,
            "vm.security_labels": [{"model": "dac", "type": "static", "relabel": False}],
        },
        "PROBABLY_NO",
    ),
    (
        "the disk's label is the operator's",
        {f"{PATH}.owner_id": 0, f"{DISK}.owner_is_kept": True},
        "PROBABLY_NO",
    ),
    ("an image below, which libvirt gives to the user", BELOW, "YES"),
    ("an image below, closed to the user", {**BELOW, **FIXED}, "PROBABLY_NO"),
    (
        "an image below, closed to the user as a probe finds",
        {**BELOW, **FIXED, "probes.accesses": [{"path": "/b", "answer": {"reason": "x"}}]},
        "NO",
    ),
    (
        "an image below of a disk that is copied",
        {**BELOW, **FIXED, "options.storage_copy": StorageCopy.STORAGE_COPY_ALL},
        "YES",
    ),
    ("a network disk", NETWORK_DISK, "YES"),
]
PERMISSIONS = [
    (name, {"probes.accesses": [], **changes}, expected) for name, changes, expected in PERMISSIONS
]
SECRET = {"vm.secrets": [{"uuid": "5ec", "type": "ceph", "user": "disk vda"}], **NETWORK_DISK}
SECRETS = "destination.libvirt_objects.secrets"
CEPH = [
    ("no RBD", {}, "YES"),
    ("a probe opened it", {**NETWORK_DISK, **probed(opens=True)}, "YES"),
    (
        "a probe had no answer",
        {**NETWORK_DISK, **probed(opens=False, reason="x", timedOutSeconds=2.5)},
        "PROBABLY_NO",
    ),
    ("a probe could not", {**NETWORK_DISK, **probed(opens=False, reason="x")}, "NO"),
    ("its secret", {**SECRET, SECRETS: [{"uuid": "5ec", "valueSet": True}]}, "PROBABLY_YES"),
    ("its secret is empty", {**SECRET, SECRETS: [{"uuid": "5ec", "valueSet": False}]}, "NO"),
    ("no secret", SECRET, "NO"),
    ("the host's keyring", NETWORK_DISK, "PROBABLY_YES"),
    ("not collected", {**SECRET, "destination.libvirt_objects": None}, "NO_IDEA"),
]
LV = {"name": "dm-0", "dmUuid": "LVM-group-volume"}
VOLUME = {
    f"{DISK}.source": {"type": "block", "path": {"path": "/dev/vg/lv", "block": LV}},
    "source.block_devices.devices": [
        {**LV, "deviceMapper": {"volumeGroup": "vg", "logicalVolume": "lv"}}
    ],
}


def there(block):
    path = {"path": "/dev/vg/lv"} | ({"block": block} if block else {})
    return {"incoming.disks[0].source.path": path}


LVM = [
    ("no volume", {}, "YES"),
    ("the same", VOLUME, "YES"),
    ("another", {**VOLUME, **there({**LV, "dmUuid": "LVM-group-other"})}, "NO"),
    ("not active", {**VOLUME, **there(None)}, "NO"),
    ("not collected", {"destination.block_devices": None}, "NO_IDEA"),
]
UNIT = {"name": "sdb", "wwn": "600a", "transport": "fc"}
FC_DISK = {
    f"{DISK}.source": {"type": "block", "path": {"path": "/dev/sdb", "block": UNIT}},
}
DEVICES = "destination.block_devices.devices"
FC = [
    ("not on Fibre Channel", {}, "YES"),
    ("seen", {**FC_DISK, DEVICES: [{**UNIT, "name": "sdx"}]}, "YES"),
    (
        "seen through multipath",
        {
            f"{DISK}.source": {
                "type": "block",
                "path": {"path": "/dev/mapper/m", "block": {**UNIT, "multipathWwid": "3600a"}},
            },
            DEVICES: [{"name": "dm-1", "deviceMapper": {"multipathWwid": "3600a"}}],
        },
        "YES",
    ),
    ("others are seen", {**FC_DISK, DEVICES: [{**UNIT, "wwn": "600b"}]}, "PROBABLY_NO"),
    ("nothing is seen", FC_DISK, "NO"),
    (
        "a unit without a name",
        {
            f"{DISK}.source": {
                "type": "block",
                "path": {"path": "/dev/sdb", "block": {"name": "sdb", "transport": "fc"}},
            }
        },
        "NO_IDEA",
    ),
    ("not collected", {**FC_DISK, "destination.block_devices": None}, "NO_IDEA"),
]
TABLES = {
    "storage.block_drivers": DRIVERS,
    "storage.permissions": PERMISSIONS,
    "storage.ceph": CEPH,
    "storage.lvm": LVM,
    "storage.fc_port": FC,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_a_volume_of_a_known_group_can_be_activated():
    devices = [{"name": "dm-3", "deviceMapper": {"volumeGroup": "vg", "logicalVolume": "other"}}]
    found = finding(
        "storage.lvm",
        migration({**VOLUME, **there(None), DEVICES: devices}),
    )
    assert found.remedies[0].command == "lvchange --activate y /dev/vg/lv"
