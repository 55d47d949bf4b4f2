"""Images of disks: what lies below them, formats."""

import pytest

from tests.comparator.builders import GIB, answer, finding
from tests.comparator.disk_changes import BASE, BASE_THERE, DISK, PATH, THERE
from tests.comparator.tables import case_of, cases
from vmfit.v1.migration_pb2 import StorageCopy

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
CORRUPT = HEADER.replace("header_format", "corrupt")
FORMATS = [
    ("as named", {HEADER: "qcow2"}, "YES"),
    ("another", {HEADER: "raw"}, "NO"),
    ("another, to copy to", {HEADER: "raw", "options.storage_copy": 1}, "NO"),
    ("raw, whatever it begins with", {f"vm.{DISK}.source.format": "raw"}, "YES"),
    ("not read, but the guest's own", {}, "YES"),
    ("not read", APART, "PROBABLY_YES"),
    ("marked corrupt", {HEADER: "qcow2", CORRUPT: True}, "NO"),
    ("not marked corrupt", {HEADER: "qcow2", CORRUPT: False}, "YES"),
    (
        "marked corrupt, and only read",
        {HEADER: "qcow2", CORRUPT: True, f"vm.{DISK}.read_only": True},
        "YES",
    ),
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
TABLES = {
    "storage.image_chain": CHAINS,
    "storage.backing_identity": BACKING,
    "storage.image_format": FORMATS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
