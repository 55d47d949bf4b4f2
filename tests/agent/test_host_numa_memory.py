"""NUMA nodes and memory, from made-up hosts."""

import os

import pytest

from vmfit_agent.collectors import (
    memory,
    numa,
)

NODE = "sys/devices/system/node"


def node(number, cpus, memory_kb=4096, distance="10 20"):
    return {
        f"{NODE}/node{number}/cpulist": f"{cpus}\n",
        f"{NODE}/node{number}/distance": f"{distance}\n",
        f"{NODE}/node{number}/meminfo": f"Node {number} MemTotal:  {memory_kb} kB\n"
        f"Node {number} MemFree:  1024 kB\nNode {number} FilePages:  512 kB\n"
        f"Node {number} Shmem:  256 kB\nNode {number} Dirty:  64 kB\n"
        f"Node {number} Writeback:  0 kB\nNode {number} KReclaimable:  16 kB\n",
    }


def test_a_memory_only_node_has_no_cpus(tree):
    host = tree({f"{NODE}/online": "0,2\n", **node(0, "0-3"), **node(2, "", 8192, "20 10")})
    part = numa.collect(host)
    assert [(n.node_id, list(n.cpu_ids)) for n in part.nodes] == [(0, [0, 1, 2, 3]), (2, [])]
    assert [list(n.distances) for n in part.nodes] == [[10, 20], [20, 10]]
    assert [n.total_bytes for n in part.nodes] == [4 << 20, 8 << 20]
    assert part.nodes[0].free_bytes == 1 << 20
    assert part.nodes[0].reclaimable_bytes == (512 - 256 - 64 + 16) * 1024
    assert host.warnings == []


def test_huge_pages_of_a_node_by_size(tree):
    pools = {
        f"{NODE}/node0/hugepages/hugepages-{size}kB/{name}": f"{value}\n"
        for size, values in ((1048576, (2, 1)), (2048, (512, 100)))
        for name, value in zip(("nr_hugepages", "free_hugepages"), values, strict=True)
    }
    (found,) = numa.collect(tree({**node(0, "0", distance="10"), **pools})).nodes
    assert [(p.size_bytes, p.total_count, p.free_count) for p in found.huge_pages] == [
        (2 << 20, 512, 100),
        (1 << 30, 2, 1),
    ]
    assert not found.huge_pages[0].HasField("reserved_count")


def test_a_kernel_without_numa_has_no_nodes(tree):
    assert not numa.collect(tree({"proc/meminfo": ""})).nodes


def test_a_node_without_memory_information_says_nothing_of_it(tree):
    (found,) = numa.collect(tree({f"{NODE}/node0/cpulist": "0\n"})).nodes
    assert not found.HasField("total_bytes")
    assert not found.HasField("free_bytes")
    assert not found.HasField("reclaimable_bytes")
    assert not found.distances


def test_distances_that_do_not_fit_the_nodes_are_left_out(tree):
    host = tree(node(0, "0", distance="10 20 30"))
    assert not numa.collect(host).nodes[0].distances
    assert host.warnings == [f"/{NODE}/node0/distance: 3 distances for 1 online nodes"]


def test_a_malformed_cpu_list_is_an_error(tree):
    with pytest.raises(ValueError, match=f"^/{NODE}/node0/cpulist: not a list of CPUs"):
        numa.collect(tree(node(0, "zero")))


MEMINFO = """MemTotal:       16384 kB
MemFree:         4096 kB
MemAvailable:    8192 kB
SwapTotal:          0 kB
HugePages_Total:       4
Hugepagesize:       2048 kB
"""


def test_memory_of_a_host(tree):
    part = memory.collect(
        tree(
            {
                "proc/meminfo": MEMINFO,
                "proc/sys/kernel/arch": "x86_64\n",
                "proc/pressure/memory": "some avg10=1.50 avg60=0.25 avg300=0.00 total=1\n"
                "full avg10=0.75 avg60=0.00 avg300=0.00 total=0\n",
                "proc/sys/vm/overcommit_memory": "2\n",
                "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
                "sys/kernel/mm/ksm/run": "1\n",
                "sys/kernel/mm/ksm/pages_shared": "10\n",
                "sys/kernel/mm/ksm/pages_sharing": "30\n",
                "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "4\n",
                "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "3\n",
                "sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages": "1\n",
            }
        )
    )
    assert part.total_bytes == 16 << 20
    assert part.available_bytes == 8 << 20
    assert part.HasField("swap_total_bytes")
    assert part.swap_total_bytes == 0
    assert not part.HasField("swap_free_bytes")
    assert part.overcommit_mode == 2
    assert not part.HasField("overcommit_ratio_percent")
    assert (part.pressure.some_percent_10_seconds, part.pressure.full_percent_10_seconds) == (
        1.5,
        0.75,
    )
    assert part.transparent_huge_pages == "madvise"
    assert (part.ksm.running, part.ksm.shared_bytes, part.ksm.sharing_bytes) == (
        True,
        40960,
        122880,
    )
    assert part.huge_pages[0].reserved_count == 1
    assert part.default_huge_page_bytes == 2 << 20
    assert not part.HasField("guest_cgroup")


def test_a_bare_kernel_has_no_pressure_ksm_or_huge_pages(tree):
    part = memory.collect(tree({"proc/meminfo": "MemTotal: 1024 kB\n"}))
    assert not part.HasField("pressure")
    assert not part.HasField("ksm")
    assert not part.huge_pages
    assert not part.HasField("transparent_huge_pages")
    assert not part.HasField("available_bytes")


@pytest.mark.parametrize(
    "statistics",
    [
        "anon 50\nfile 1000\nshmem 200\nfile_dirty 30\nfile_writeback 7\n",
        "cache 1\ntotal_cache 1000\ntotal_shmem 200\ntotal_dirty 30\ntotal_writeback 7\n",
    ],
)
def test_page_cache_of_the_control_group_can_be_had_back(tree, statistics):
    files = {**group("/guests", 4000, 2000), "sys/fs/cgroup/guests/memory.stat": statistics}
    host = tree({"proc/meminfo": MEMINFO, **DAEMON, "proc/77/cgroup": "0::/guests\n", **files})
    assert memory.collect(host).guest_cgroup.reclaimable_bytes == 763


def test_no_meminfo_is_an_error(tree):
    with pytest.raises(ValueError, match="/proc/meminfo"):
        memory.collect(tree({}))


DAEMON = {"proc/77/comm": "libvirtd\n", "proc/7/comm": "bash\n"}


def group(path, limit, usage=5, version=2):
    files = {2: ("memory.max", "memory.current"), 1: (
        "memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"
    )}[version]  # fmt: skip
    base = "sys/fs/cgroup"
    names = {}
    for name, value in zip(files, (limit, usage), strict=True):
        directory, _, leaf = name.rpartition("/")
        place = "/".join(part for part in (base, directory, path.strip("/")) if part)
        names[f"{place}/{leaf}"] = f"{value}\n"
        names[f"{place}/cgroup.procs"] = ""
    return names


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # The smallest limit on the way up counts.
        (
            {
                "proc/77/cgroup": "0::/pod/libvirt\n",
                **group("/pod/libvirt", "max"),
                **group("/pod", 1000, 70),
                **group("/", 2000),
            },
            ("/pod", 1000, 70),
        ),
        # A container's own root may hold the limit.
        ({"proc/77/cgroup": "0::/\n", **group("/", 3000)}, ("/", 3000, 5)),
        (
            {"proc/77/cgroup": "4:memory:/guests\n0::/\n", **group("/guests", 4000, 9, version=1)},
            ("/guests", 4000, 9),
        ),
        (
            {
                "proc/77/cgroup": "4:memory:/guests\n",
                **group("/guests", 9223372036854771712, version=1),
            },
            None,
        ),
        # With systemd guests live in machine.slice, not below the daemon.
        (
            {
                "run/systemd/system/x": "",
                "proc/77/cgroup": "0::/system.slice/libvirtd.service\n",
                **group("/system.slice/libvirtd.service", 10),
                **group("/machine.slice", 5000, 1),
            },
            ("/machine.slice", 5000, 1),
        ),
        # Without systemd libvirt makes a partition of its own where it sees the groups.
        (
            {
                "proc/77/cgroup": "0::/libvirt\n",
                "proc/77/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                **group("/libvirt", 10),
                **group("/", 6000),
            },
            ("/", 6000, 5),
        ),
    ],
)
def test_the_control_group_of_guests(tree, files, expected):
    part = memory.collect(tree({"proc/meminfo": MEMINFO, **DAEMON, **files}))
    found = part.guest_cgroup
    assert part.HasField("guest_cgroup") == (expected is not None)
    if expected:
        assert (found.path, found.limit_bytes, found.usage_bytes) == expected


def test_a_group_that_nothing_shows_leaves_the_limit_unknown(tree):
    host = tree({"proc/meminfo": MEMINFO, **DAEMON, "proc/77/cgroup": "4:memory:/hidden\n"})
    found = memory.collect(host).guest_cgroup
    assert (found.path, found.HasField("limit_known"), found.limit_known) == (
        "/hidden",
        True,
        False,
    )
    assert not found.HasField("limit_bytes")
    assert host.warnings == ["/sys/fs/cgroup: the control group of guests, /hidden, cannot be seen"]


def test_an_unreadable_file_is_absent_with_a_warning(tree, monkeypatch):
    host = tree({"proc/meminfo": MEMINFO, "proc/pressure/memory": "x"})
    real = os.open

    def refuse(path, *arguments):
        if str(path).endswith("pressure/memory"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    assert not memory.collect(host).HasField("pressure")
    assert host.warnings == ["/proc/pressure/memory: Permission denied"]
