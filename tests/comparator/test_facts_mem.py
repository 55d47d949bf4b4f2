"""Memory, huge pages, NUMA nodes, pinning and limits of the destination."""

import pytest

from tests.comparator.builders import GIB, MIB, answer, finding, migration
from tests.comparator.memory_changes import HUGE, LIMIT, OFFLINE, WHOLE
from tests.comparator.tables import case_of, cases

AVAILABLE = "destination.memory.available_bytes"
SWAP = "destination.memory.swap_free_bytes"
POOL = "destination.memory.huge_pages[0]"


def room(available, swap=0, **changes):
    return {AVAILABLE: available, SWAP: swap, **changes}


NEVER = {
    "destination.memory.overcommit_mode": 2,
    "destination.memory.commit_limit_bytes": 4 * GIB,
    "destination.memory.committed_bytes": 3 * GIB,
}
LIMITED = {
    "destination.memory.guest_cgroup.limit_bytes": GIB,
    "destination.memory.guest_cgroup.usage_bytes": 0,
}
HIDDEN = {"destination.memory.guest_cgroup": {"path": "/pod", "limitKnown": False}}


def lease(vm_uuid, size_bytes, **reservation):
    """Return leases of one VM, with one reservation."""
    reserved = [{"sizeBytes": size_bytes, **reservation}]
    return [{"vmUuid": vm_uuid, "hold": "HOLD_LEDGER", "reservations": reserved}]


OTHER = "99999999-9999-4999-8999-999999999999"
LEASES = "destination.memory.leases"
OWN = {"vm.uuid": "11111111-1111-4111-8111-111111111111"}


FREE = [
    ("promised to another VM", room(3 * GIB, **WHOLE, **{LEASES: lease(OTHER, 2 * GIB)}), "NO"),
    (
        "promised to another VM, which has taken it",
        room(4 * GIB, **WHOLE, **{LEASES: lease(OTHER, 2 * GIB, usedBytes=2 * GIB)}),
        "YES",
    ),
    (
        "promised to the VM itself",
        room(4 * GIB, **WHOLE, **OWN, **{LEASES: lease(OWN["vm.uuid"], 2 * GIB)}),
        "YES",
    ),
    ("enough", {}, "YES"),
    ("a margin is asked for", {"policy.margins.memory_ratio": 20.0}, "PROBABLY_YES"),
    ("tight, all taken at once", room(2 * GIB, **WHOLE), "PROBABLY_YES"),
    (
        "more than a number of the answer holds",
        {"vm.memory.maximum_bytes": 2**64 - 1, "policy.margins.memory_ratio": 2.0, **WHOLE},
        "NO",
    ),
    ("too little, all taken at once", room(GIB, 8 * GIB, **WHOLE), "NO"),
    ("too little, locked", room(GIB, **{"vm.memory.locked": True}), "NO"),
    (
        "as much as the balloon holds",
        room(GIB, **{"vm.memory.current_bytes": 512 * MIB}),
        "PROBABLY_YES",
    ),
    ("too little, locked there", room(GIB, **{"incoming.memory.locked": True}), "NO"),
    (
        "huge pages there",
        room(GIB, **{"incoming.memory.uses_huge_pages": True}),
        "YES",
    ),
    (
        "huge pages here alone",
        room(GIB, **{"vm.memory.uses_huge_pages": True, "incoming.memory.uses_huge_pages": False}),
        "NO",
    ),
    ("as much as it uses", room(1700 * MIB), "PROBABLY_YES"),
    (
        "a large guest that touched little",
        room(GIB, **{"vm.memory.maximum_bytes": 20 * GIB, "vm.memory.resident_bytes": 60 * MIB}),
        "PROBABLY_YES",
    ),
    ("it will swap", room(GIB, GIB), "PROBABLY_YES"),
    ("less than it uses", room(GIB), "NO"),
    ("less, offline", room(GIB, **OFFLINE), "YES"),
    ("less than it may use", room(GIB, **{"vm.memory.resident_bytes": None}), "PROBABLY_NO"),
    ("a control group limits guests", {**LIMITED, SWAP: 0}, "NO"),
    ("a control group's limit is hidden", HIDDEN, "PROBABLY_YES"),
    ("a hidden limit, all taken at once", {**HIDDEN, **WHOLE}, "NO_IDEA"),
    ("a hidden limit, too little anyway", {**HIDDEN, **room(GIB, **WHOLE)}, "NO"),
    (
        "a hidden limit, huge pages alone",
        {**HIDDEN, **WHOLE, "vm.memory.uses_huge_pages": True},
        "PROBABLY_YES",
    ),
    ("huge pages do not count", room(GIB, **{"vm.memory.uses_huge_pages": True}), "YES"),
    ("never overcommits", NEVER, "NO"),
    ("not collected", {"destination.memory": None}, "NO_IDEA"),
    ("not known", {AVAILABLE: None}, "NO_IDEA"),
]
MOUNTED = {
    "destination.mounts.mounts": [
        {"mountPoint": "/dev/hugepages", "type": "hugetlbfs", "options": ["rw", "pagesize=2M"]}
    ]
}
ON_NODES = {
    **HUGE,
    **MOUNTED,
    "vm.numa.cells": [{"cellId": 0, "memoryBytes": 2 * GIB}],
    "vm.numa.memory_mode": "strict",
    "vm.numa.host_node_ids": [1],
}
HUGE_PAGES = [
    ("none wanted", {f"{POOL}.free_count": 0}, "YES"),
    ("enough", {**HUGE, **MOUNTED}, "YES"),
    ("too few", {**HUGE, **MOUNTED, f"{POOL}.free_count": 1023}, "NO"),
    (
        "leased to another VM",
        {**HUGE, **MOUNTED, LEASES: lease(OTHER, 1200 * 2 * MIB, hugePageBytes=2 * MIB)},
        "NO",
    ),
    (
        "other memory leased to another VM",
        {**HUGE, **MOUNTED, LEASES: lease(OTHER, 1200 * 2 * MIB)},
        "YES",
    ),
    ("promised to others", {**HUGE, **MOUNTED, f"{POOL}.reserved_count": 1025}, "NO"),
    (
        "the kernel may allocate more",
        {**HUGE, **MOUNTED, f"{POOL}.free_count": 0, f"{POOL}.overcommit_count": 2048},
        "PROBABLY_YES",
    ),
    ("another size", {**HUGE, "vm.memory.huge_pages": [{"sizeBytes": GIB}]}, "NO"),
    ("a size the host has not", {**HUGE, "vm.memory.huge_pages": [{"sizeBytes": 64 * 1024}]}, "NO"),
    ("not mounted", HUGE, "NO"),
    ("not mounted, memfd", {**HUGE, "vm.memory.source_type": "memfd"}, "YES"),
    ("mounts unknown", {**HUGE, "destination.mounts": None}, "YES"),
    ("bound to a node that has them", ON_NODES, "YES"),
    (
        "bound to a node that has them not",
        {**ON_NODES, "destination.numa.nodes[1].huge_pages": []},
        "NO",
    ),
    (
        "preferring such a node",
        {
            **ON_NODES,
            "destination.numa.nodes[1].huge_pages": [],
            "vm.numa.memory_mode": "preferred",
        },
        "YES",
    ),
    (
        "only a node of the guest wants them",
        {
            **ON_NODES,
            "vm.memory.huge_pages": [{"sizeBytes": 2 * MIB, "guestNodeIds": [1]}],
            f"{POOL}.free_count": 0,
        },
        "YES",
    ),
    (
        "default size unknown",
        {**HUGE, "destination.memory.default_huge_page_bytes": None},
        "NO_IDEA",
    ),
    (
        "wanted on the destination alone",
        {"incoming.memory.uses_huge_pages": True, **MOUNTED, f"{POOL}.free_count": 0},
        "NO",
    ),
    ("no longer wanted", {**HUGE, "incoming.memory.uses_huge_pages": False}, "YES"),
    ("not collected", {**HUGE, "destination.memory": None}, "NO_IDEA"),
]
WAITED = "destination.memory.pressure.some_percent_60_seconds"
NVDIMM = {"model": "nvdimm", "size_bytes": 16 * MIB, "slot": 0}


def nvdimm(**source):
    return {"vm.memory.devices": [{**NVDIMM, "source": {"path": "/srv/nv.img", **source}}]}


NVDIMMS = [
    ("none", {}, "YES"),
    ("an ordinary DIMM", {"vm.memory.devices": [{**NVDIMM, "model": "dimm"}]}, "YES"),
    ("there", nvdimm(exists=True, size_bytes=16 * MIB), "YES"),
    ("a device", nvdimm(exists=True), "YES"),
    ("smaller", nvdimm(exists=True, size_bytes=8 * MIB), "NO"),
    ("missing", nvdimm(exists=False), "NO"),
    ("nobody looked", nvdimm(), "NO_IDEA"),
]
PRESSURE = [
    ("none", {}, "YES"),
    ("some", {WAITED: 5.0}, "PROBABLY_YES"),
    ("thrashing", {WAITED: 50.0}, "PROBABLY_NO"),
    ("not told", {"destination.memory.pressure": None}, "NO_IDEA"),
]
MEMFD = {"vm.memory.source_type": "memfd"}
TYPES = "destination.hypervisor.connections[0].domain_capabilities[0].memory_backing_types"
DIRECTORY = "/srv/ram"


def files(available=None, resident=None, **fields):
    """A 2 GiB guest whose memory lies in files of a directory on a mount of its own."""
    mount = {"mount_point": DIRECTORY, **fields}
    if available is not None:
        mount["available_bytes"] = available
    return {
        "vm.memory.source_type": "file",
        TYPES: ["file"],
        "vm.memory.resident_bytes": resident,
        "destination.security.qemu_conf": {"memory_backing_dir": DIRECTORY},
        "destination.mounts.mounts": [mount],
    }


BACKEND = [
    ("files, room", files(4 * GIB), "YES"),
    ("files, room not known", files(), "YES"),
    ("files, read-only", files(4 * GIB, read_only=True), "NO"),
    ("files, little room", files(GIB), "PROBABLY_NO"),
    ("files, room for what is resident", files(GIB, 300 * MIB), "PROBABLY_YES"),
    ("files, no room for what is resident", files(MIB, 300 * MIB), "PROBABLY_NO"),
    ("files, allocated at once", {**files(GIB), "vm.memory.preallocated": True}, "NO"),
    ("files, mounts not known", {**files(GIB), "destination.mounts": None}, "YES"),
    ("files, offline", {**files(MIB), "options.offline": True}, "YES"),
    ("there", MEMFD, "YES"),
    ("not there", {**MEMFD, TYPES: ["file"]}, "NO"),
    (
        "asked for by --xml, not there",
        {"incoming.memory.source_type": "memfd", TYPES: ["file"]},
        "NO",
    ),
    ("not told", {**MEMFD, TYPES: []}, "NO_IDEA"),
]
LOCKED = {"vm.memory.locked": True, "vm.connection_uri": "qemu:///session"}
LOW = {**LOCKED, f"{LIMIT}.memlock_unlimited": None, f"{LIMIT}.memlock_hard_bytes": MIB}
HARD = {"vm.memory.hard_limit_bytes": 4 * GIB, "vm.connection_uri": "qemu:///system"}
LOCK = [
    ("a hard limit alone", HARD, "YES"),
    (
        "a hard limit alone, which libvirtd may raise to",
        {**LOW, **HARD, "vm.memory.locked": False},
        "YES",
    ),
    (
        "a hard limit alone, which libvirtd may not raise to",
        {**LOW, **HARD, "vm.memory.locked": False, f"{LIMIT}.limits_raisable": False},
        "NO",
    ),
    ("unlimited", LOCKED, "YES"),
    ("raised by a system libvirtd", {**LOW, "vm.connection_uri": "qemu:///system"}, "YES"),
    (
        "a system libvirtd without the privilege",
        {**LOW, "vm.connection_uri": "qemu:///system", f"{LIMIT}.limits_raisable": False},
        "NO",
    ),
    (
        "a system libvirtd with the privilege",
        {**LOW, "vm.connection_uri": "qemu:///system", f"{LIMIT}.limits_raisable": True},
        "YES",
    ),
    (
        "pinned for RDMA, but TCP is asked for",
        {**LOW, "vm.memory.locked": False, "options.rdma_pin_all": True},
        "YES",
    ),
    (
        "pinned for RDMA",
        {
            **LOW,
            "vm.memory.locked": False,
            "options.rdma_pin_all": True,
            "options.migration_uri": "rdma://b",
        },
        "PROBABLY_NO",
    ),
    ("too low", LOW, "PROBABLY_NO"),
    ("hard_limit too low", {**LOCKED, "vm.memory.hard_limit_bytes": GIB}, "NO"),
    (
        "locked there alone",
        {**LOW, "vm.memory.locked": None, "incoming.memory.locked": True},
        "PROBABLY_NO",
    ),
    ("a USB device locks nothing", {"vm.host_devices": [{"type": "usb"}]}, "YES"),
    ("unknown", {**LOCKED, LIMIT: None}, "NO_IDEA"),
]
DIMM = {"model": "dimm", "sizeBytes": GIB}
DIMMS = [
    ("placed", {"vm.memory.devices": [{**DIMM, "slot": 0, "baseAddress": GIB}]}, "YES"),
    ("loose", {"vm.memory.devices": [DIMM]}, "NO"),
    ("not a running guest", {"vm.memory.devices": [DIMM], "vm.state": None}, "NO_IDEA"),
]


NATIVE = {"vm.disks[0].io": "native"}
KERNEL_LIMITS = [
    ("room", {}, "YES"),
    ("no asynchronous I/O", {**NATIVE, f"{LIMIT}.aio_used_count": 1048576}, "NO"),
    ("no asynchronous I/O, nor any wanted", {f"{LIMIT}.aio_used_count": 1048576}, "YES"),
    ("few tasks", {f"{LIMIT}.pids_max_count": 2}, "NO"),
    ("file handles tight", {f"{LIMIT}.file_max_count": 2100}, "PROBABLY_NO"),
    ("file handles gone", {f"{LIMIT}.file_max_count": 2048}, "NO"),
    ("not collected", {LIMIT: None}, "NO_IDEA"),
]

CGROUP = {"mountPoint": "/sys/fs/cgroup", "type": "cgroup2"}
OLD_CGROUP = {"mountPoint": "/sys/fs/cgroup/cpu,cpuacct", "type": "cgroup"}
GROUPS = "destination.mounts.mounts"
CONTROL_GROUPS = [
    ("no weights", {}, "YES"),
    ("tuned, without weights", {"vm.tuning": {}}, "YES"),
    ("shares of version 2", {GROUPS: [CGROUP], "vm.tuning.cpu_shares": 10000}, "YES"),
    ("too many shares for version 2", {GROUPS: [CGROUP], "vm.tuning.cpu_shares": 16384}, "NO"),
    ("as many for version 1", {GROUPS: [OLD_CGROUP], "vm.tuning.cpu_shares": 16384}, "YES"),
    (
        "both versions mounted, version 1 has the CPU",
        {
            GROUPS: [{**CGROUP, "mountPoint": "/sys/fs/cgroup/unified"}, OLD_CGROUP],
            "vm.tuning.cpu_shares": 16384,
        },
        "YES",
    ),
    ("too many for either", {GROUPS: [OLD_CGROUP], "vm.tuning.cpu_shares": 300000}, "NO"),
    ("the version is unknown", {"vm.tuning.cpu_shares": 16384}, "NO_IDEA"),
    ("the version does not matter", {"vm.tuning.cpu_shares": 1024}, "YES"),
    ("one share", {GROUPS: [OLD_CGROUP], "vm.tuning.cpu_shares": 1}, "NO"),
    ("block weight of version 2", {GROUPS: [CGROUP], "vm.tuning.block_weight": 5000}, "YES"),
    ("too much block weight", {GROUPS: [OLD_CGROUP], "vm.tuning.block_weight": 5000}, "NO"),
    ("mounts unknown", {"destination.mounts": None, "vm.tuning.cpu_shares": 1}, "NO_IDEA"),
]

TABLES = {
    "limits.control_groups": CONTROL_GROUPS,
    "mem.free": FREE,
    "mem.hugepages": HUGE_PAGES,
    "mem.swap_psi": PRESSURE,
    "mem.backend": BACKEND,
    "mem.lock_limit": LOCK,
    "mem.dimm_layout": DIMMS,
    "mem.nvdimm": NVDIMMS,
    "limits.kernel": KERNEL_LIMITS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_who_it_is_promised_to_is_told():
    leases = [*lease(OTHER, GIB), *lease(OWN["vm.uuid"], 2 * GIB)]
    found = finding("mem.free", migration(room(8 * GIB, **OWN, **{LEASES: leases})))
    assert "7.0 GiB available" in found.reason
    assert "1.0 GiB more are promised to other VMs" in found.reason
    assert "2.0 GiB of it promised to this VM by the agent's ledger" in found.reason


def test_how_much_to_free():
    found = finding("mem.free", migration(room(GIB)))
    assert found.remedies[0].free_memory.bytes == GIB + 256 * MIB
    assert "1.0 GiB available, 2.0 GiB of memory wanted" in found.reason


def test_how_many_pages_to_allocate():
    case = migration({**HUGE, **MOUNTED, f"{POOL}.free_count": 24, f"{POOL}.total_count": 24})
    (remedy,) = finding("mem.hugepages", case).remedies
    assert remedy.allocate_huge_pages.count == 1024
    assert "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" in remedy.command
