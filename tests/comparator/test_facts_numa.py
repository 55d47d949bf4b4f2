"""NUMA nodes and pinned CPUs."""

import pytest

from tests.comparator.builders import GIB, MIB, answer, finding, migration, remedy_kinds
from tests.comparator.memory_changes import HUGE, LIMIT, OFFLINE, WHOLE
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality

NODE = "destination.numa.nodes[0]"
STRICT = {"vm.numa.memory_mode": "strict", "vm.numa.host_node_ids": [0]}
FULL = {**STRICT, f"{NODE}.free_bytes": 0, f"{NODE}.reclaimable_bytes": GIB}
CELLS = {
    "vm.numa.cells": [{"cellId": 0, "memoryBytes": GIB}, {"cellId": 1, "memoryBytes": GIB}],
    "vm.numa.placements": [
        {"cellId": 0, "memoryMode": "strict", "hostNodeIds": [0]},
        {"cellId": 1, "memoryMode": "strict", "hostNodeIds": [1]},
    ],
}


def leased(node):
    """Promise two GiB of a node to another VM."""
    reserved = [{"sizeBytes": 2 * GIB, "numaNode": node}]
    uuid = "99999999-9999-4999-8999-999999999999"
    return {"destination.memory.leases": [{"vmUuid": uuid, "reservations": reserved}]}


REBOUND = {"incoming.numa.host_node_ids": [0]}
NODE_MEMORY = [
    ("not bound", {f"{NODE}.free_bytes": 0}, "YES"),
    ("fits", STRICT, "YES"),
    ("a cell bound to nothing", {"vm.numa.placements": [{"cellId": 0}]}, "YES"),
    (
        "a cell bound to nothing, of much memory",
        {
            "vm.numa.cells": [{"cellId": 0, "memoryBytes": 2**63}],
            "vm.numa.placements": [{"cellId": 0, "memoryMode": "strict"}],
        },
        "YES",
    ),
    ("no such node", {**STRICT, "vm.numa.host_node_ids": [2]}, "NO"),
    ("bound anew, to no such node", {**STRICT, "incoming.numa.host_node_ids": [2]}, "NO"),
    (
        "bound anew, to a node that is there",
        {"vm.numa.host_node_ids": [2], "vm.numa.memory_mode": "strict", **REBOUND},
        "YES",
    ),
    (
        "no such node, preferred",
        {"vm.numa.memory_mode": "preferred", "vm.numa.host_node_ids": [0, 2]},
        "NO",
    ),
    ("a margin is asked for", {**STRICT, "policy.margins.numa_memory_ratio": 10.0}, "PROBABLY_YES"),
    (
        "promised to another VM",
        {**STRICT, **WHOLE, f"{NODE}.free_bytes": 2 * GIB, **leased(0)},
        "NO",
    ),
    (
        "promised to another VM on another node",
        {**STRICT, **WHOLE, f"{NODE}.free_bytes": 3 * GIB, **leased(1)},
        "YES",
    ),
    ("full", FULL, "NO"),
    ("full, but the guest uses little", {**FULL, "vm.memory.resident_bytes": MIB}, "PROBABLY_YES"),
    (
        "full, what the guest uses is unknown",
        {**FULL, "vm.memory.resident_bytes": None},
        "PROBABLY_NO",
    ),
    ("full, all taken at once", {**FULL, **WHOLE, "vm.memory.resident_bytes": MIB}, "NO"),
    (
        "tight, all taken at once",
        {
            **STRICT,
            **WHOLE,
            f"{NODE}.free_bytes": 2 * GIB,
            f"{NODE}.reclaimable_bytes": 0,
            "policy.margins.numa_memory_ratio": 1.2,
        },
        "PROBABLY_YES",
    ),
    ("full, preferred", {**FULL, "vm.numa.memory_mode": "preferred"}, "YES"),
    ("huge pages are counted elsewhere", {**FULL, **HUGE}, "YES"),
    ("each cell on its node", CELLS, "YES"),
    (
        "one cell's node is full",
        {**CELLS, f"{NODE}.free_bytes": 0, f"{NODE}.reclaimable_bytes": 0},
        "NO",
    ),
    ("not collected", {**STRICT, "destination.numa": None}, "NO_IDEA"),
]
NUMA_TOPOLOGY = [
    ("as many", CELLS, "YES"),
    ("memory-only nodes do not count", {**CELLS, f"{NODE}.cpu_ids": []}, "PROBABLY_NO"),
    ("fewer", {**CELLS, "destination.numa.nodes": [{"nodeId": 0, "cpuIds": [0]}]}, "PROBABLY_NO"),
    ("not collected", {**CELLS, "destination.numa": None}, "NO_IDEA"),
]
ALLOWED = {f"{LIMIT}.allowed_cpu_ids": [0]}


def pinned(*cpu_ids):
    return {"vm.vcpus.pins": [{"vcpuId": 0, "cpuIds": list(cpu_ids)}]}


MOUNTS = "destination.mounts.mounts"
PINNING = [
    ("there", pinned(0, 1), "YES"),
    ("not there", pinned(8), "NO"),
    ("not for libvirtd", {**pinned(1), **ALLOWED}, "NO"),
    ("one of two is not for libvirtd", {**pinned(0, 1), **ALLOWED}, "PROBABLY_YES"),
    (
        "one of two does not exist",
        {**pinned(7, 8), MOUNTS: [{"mount_point": "/sys/fs/cgroup", "type": "cgroup2"}]},
        "PROBABLY_NO",
    ),
    (
        "one of two does not exist, without control groups",
        {**pinned(7, 8), MOUNTS: [{"mount_point": "/", "type": "ext4"}]},
        "PROBABLY_YES",
    ),
    (
        "one of two does not exist, mounts not known",
        {**pinned(7, 8), "destination.mounts": None},
        "PROBABLY_NO",
    ),
    ("the emulator's is not there", {"vm.vcpus.emulator_cpu_ids": [9]}, "NO"),
    ("all vCPUs' is not there", {"vm.vcpus.cpu_ids": [9]}, "NO"),
    (
        "an I/O thread's is not there",
        {"vm.vcpus.iothread_pins": [{"iothreadId": 1, "cpuIds": [9]}]},
        "NO",
    ),
    ("repinned for the destination", {**pinned(8), "incoming.vcpus.pins": []}, "YES"),
    (
        "pinned for the destination alone",
        {"incoming.vcpus.pins": [{"vcpuId": 0, "cpuIds": [8]}]},
        "NO",
    ),
    ("all vCPUs for the destination alone", {"incoming.vcpus.cpu_ids": [8]}, "NO"),
    ("the emulator for the destination alone", {"incoming.vcpus.emulator_cpu_ids": [8]}, "NO"),
    ("limits unknown", {**pinned(0), LIMIT: None}, "YES"),
    ("offline", {**pinned(8), **OFFLINE}, "YES"),
    ("not collected", {**pinned(0), "destination.cpu": None}, "NO_IDEA"),
    ("no CPU known", {**pinned(0), "destination.cpu.online_cpu_ids": []}, "NO_IDEA"),
]
TABLES = {
    "numa.node_memory": NODE_MEMORY,
    "numa.topology": NUMA_TOPOLOGY,
    "numa.cpu_pinning": PINNING,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_nodes_with_room_are_named():
    found = finding("numa.node_memory", migration(FULL))
    assert remedy_kinds(found) == ["free_memory", "repin_vcpus"]
    assert found.remedies[1].repin_vcpus.numa_nodes == [1]


def test_a_preferred_node_that_is_full_is_a_lesser_yes():
    case = migration({**FULL, "vm.numa.memory_mode": "preferred"})
    assert finding("numa.node_memory", case).quality == Quality.QUALITY_REDUCED


def test_each_binding_is_a_subject():
    found = finding("numa.node_memory", migration(CELLS))
    assert [each.subject for each in found.subjects] == ["cell 0", "cell 1"]
