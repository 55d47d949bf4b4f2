"""Processors, NUMA nodes and memory of recorded hosts, against what other programs see there."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from vmfit.v1.cpu_pb2 import Cpu
from vmfit.v1.host_pb2 import Numa
from vmfit_agent.collectors import clock, cpu, identity, kernel, memory, numa, security

pytestmark = pytest.mark.corpus

# Where this agent means to differ, by host: why, and in what.
LSTOPO_DIFFERS = {
    "hwloc-4fake-4gr1nu1pu": "made up: half of its nodes are outside the control group's cpuset",
    "hwloc-fakeheterocpunuma": "made up: two of its nodes are outside what hwloc shows",
    "hwloc-64amd64-4s2n4ca2co": "hwloc takes the halves of a Bulldozer module for cores",
    "hwloc-8em64t-2s2ca2c-buggynuma": "the firmware puts all CPUs on all nodes; hwloc keeps one",
}
LSCPU_DIFFERS = {
    "hwloc-offline-cpu0-node0": "lscpu multiplies by the socket of an offline CPU",
    "lvhost-aarch64-rhel74-moonshot": "lscpu counts no sockets that the kernel does not number",
}
LSCPU_FLAGS_DIFFER = {
    "ul-vmware_fpe": "one CPU lacks lwp: a feature of the host is one of all its CPUs",
    "ul-sparc64": "lscpu shows the type of machine as a flag",
}


@pytest.fixture(scope="module")
def hosts(corpus: Path) -> list[str]:
    found = sorted(path.parent.name for path in (corpus / "hosts").glob("*/tree.tar.xz"))
    assert len(found) > 40
    return found


def peer(corpus: Path, name: str, program: str) -> Path | None:
    return next(iter((corpus / "hosts" / name / "peer").glob(f"{program}*")), None)


def parts(host) -> tuple[Cpu | None, Numa]:
    try:
        return cpu.collect(host), numa.collect(host)
    except ValueError as error:
        assert "name no processor" in str(error)  # noqa: PT017 -- some recordings hold none
        return None, numa.collect(host)


def test_lstopo_counts_and_memory(corpus, hosts, corpus_host):
    checked = 0
    for name in hosts:
        path = peer(corpus, name, "lstopo")
        if path is None or name in LSTOPO_DIFFERS:
            continue
        part, nodes = parts(corpus_host(name))
        if part is None:
            continue
        objects = list(ET.parse(path).iter("object"))
        count = {
            kind: sum(o.get("type") == kind for o in objects)
            for kind in ("Package", "Core", "PU", "Die")
        }
        topology = part.topology
        assert topology.socket_count == count["Package"], name
        assert topology.core_count == count["Core"], name
        assert topology.thread_count == count["PU"], name
        if count["Die"]:
            assert topology.die_count == count["Die"], name
        # hwloc makes one up where the kernel knows none.
        if nodes.nodes:
            memory_of = {
                int(o.get("os_index", "-1")): int(o.get("local_memory", "0"))
                for o in objects
                if o.get("type") == "NUMANode"
            }
            assert {n.node_id: n.total_bytes for n in nodes.nodes} == memory_of, name
        checked += 1
    assert checked > 20


def lscpu_fields(path: Path) -> dict[str, str]:
    fields: dict[str, str] = {}

    def walk(rows):
        for row in rows:
            fields[row["field"].rstrip(":")] = row["data"]
            walk(row.get("children", []))

    walk(json.loads(path.read_text())["lscpu"])
    return fields


def test_lscpu_identity_and_counts(corpus, hosts, corpus_host):
    checked = 0
    for name in hosts:
        path = peer(corpus, name, "lscpu-2.38.json")
        part, nodes = parts(corpus_host(name)) if path is not None else (None, Numa())
        if path is None or part is None:
            continue
        theirs = lscpu_fields(path)
        if part.architecture in {"x86_64", "i686"}:
            assert theirs["Vendor ID"] == part.vendor, name
            assert theirs["Model name"] == part.model_name, name
            signature = [int(theirs[key]) for key in ("CPU family", "Model", "Stepping")]
            assert signature == [part.family, part.model, part.stepping], name
        if "Flags" in theirs and name not in LSCPU_FLAGS_DIFFER:
            assert set(theirs["Flags"].split()) == set(part.kernel_flags), name
        if "NUMA node(s)" in theirs:
            assert int(theirs["NUMA node(s)"]) == len(nodes.nodes), name
        sockets, cores, threads = (
            theirs.get(key, "-")
            for key in ("Socket(s)", "Core(s) per socket", "Thread(s) per core")
        )
        if sockets.isdigit() and cores.isdigit() and name not in LSCPU_DIFFERS:
            topology = part.topology
            assert int(sockets) == topology.socket_count, name
            assert int(sockets) * int(cores) == topology.core_count, name
            assert topology.core_count * int(threads) == topology.thread_count, name
        checked += 1
    assert checked > 15


# One line for each CPU: which share a core, a socket and a node is what counts, not the numbers.
def test_lscpu_says_the_same_cpus_share(corpus, hosts, corpus_host):
    checked = 0
    for name in hosts:
        path = peer(corpus, name, "lscpu-2.38-p")
        part, nodes = parts(corpus_host(name)) if path is not None else (None, Numa())
        if path is None or part is None or not part.topology.core_count:
            continue
        rows = [line.split(",") for line in path.read_text().splitlines() if line[0] != "#"]
        online = [row for row in rows if row[4] != "N"]
        assert [int(row[0]) for row in online] == list(part.online_cpu_ids), name
        by_core: dict[str, set[int]] = {}
        by_node: dict[str, set[int]] = {}
        for number, core, _socket, node, _online in online:
            by_core.setdefault(core, set()).add(int(number))
            by_node.setdefault(node, set()).add(int(number))
        mine = {frozenset(c.sibling_cpu_ids) for c in part.topology.cpus}
        # This lscpu knows no cores where the kernel numbers no sockets.
        assert "" in by_core or mine == {frozenset(cpus) for cpus in by_core.values()}, name
        with_cpus = {n.node_id: set(n.cpu_ids) for n in nodes.nodes if n.cpu_ids}
        if with_cpus and "" not in by_node and name not in LSTOPO_DIFFERS:
            wanted = {int(node): cpus for node, cpus in by_node.items()}
            found = {n: cpus & set(part.online_cpu_ids) for n, cpus in with_cpus.items()}
            assert {n: cpus for n, cpus in found.items() if cpus} == wanted, name
        checked += 1
    assert checked > 15


def libvirt_cells(path: Path) -> dict[int, tuple[dict[int, int], set[int]]]:
    cells = {}
    for cell in ET.parse(path).iter("cell"):
        if cell.find("memory") is None:
            continue
        siblings = cell.findall("distances/sibling")
        distances = {int(s.get("id", "-1")): int(s.get("value", "0")) for s in siblings}
        cpus = {int(c.get("id", "-1")) for c in cell.findall("cpus/cpu")}
        cells[int(cell.get("id", "-1"))] = (distances, cpus)
    return cells


# The memory in these expectations is what libvirt's tests make up.
@pytest.mark.parametrize(
    "name",
    ["lvcaps-resctrl", "lvcaps-resctrl-cmt", "lvcaps-resctrl-skx", "lvcaps-hmat", "lvcaps-basic"],
)
def test_libvirt_sees_the_same_nodes(corpus, corpus_host, name):
    paths = sorted((corpus / "hosts" / name / "expected").glob("vircaps-x86_64*.xml"))
    cells = libvirt_cells(paths[0])
    nodes = numa.collect(corpus_host(name)).nodes
    ids = [node.node_id for node in nodes]
    assert ids == sorted(cells)
    for node in nodes:
        distances, cpus = cells[node.node_id]
        assert set(node.cpu_ids) == cpus
        if distances and node.distances:
            assert dict(zip(ids, node.distances, strict=True)) == distances


def test_libvirt_counts_the_same_cpus(corpus, hosts, corpus_host):
    names = [name for name in hosts if name.startswith("lvhost-")]
    for name in names:
        expected = (corpus / "hosts" / name / "expected/libvirt.expected").read_text()
        found = re.search(r"CPUs: (\d+)/(\d+)", expected)
        assert found is not None, name
        part, _ = parts(corpus_host(name))
        assert part is not None
        # libvirt counts the threads of a POWER core, although the host runs one of them alone.
        if not name.startswith("lvhost-ppc64"):
            assert part.topology.thread_count == int(found[1]), name
    assert len(names) > 10


def test_every_part_of_every_host_is_collected(hosts, corpus_host):
    for name in hosts:
        for module in (identity, kernel, clock, security):
            assert module.collect(corpus_host(name)).ByteSize() >= 0, name
        host = corpus_host(name)
        if (host.root / "proc/meminfo").exists():
            assert memory.collect(host).total_bytes > 0, name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hwloc-20s390-2g6s4c", "s390x"),
        ("hwloc-128arm-2pa2n8cluster4co", "aarch64"),
        ("hwloc-2arm-2c", "armv7l"),
        ("lvhost-armv6l-raspberrypi", "armv6l"),
        ("ul-ppc64-POWER7", "ppc64"),
        ("ul-ppc-qemu", "ppc"),
        ("ul-sparc64", "sparc64"),
        ("ul-loongarch-loongson_3a5000_hv", "loongarch64"),
        ("ul-x86_64-epyc_7451", "x86_64"),
    ],
)
def test_architectures_are_recognised(corpus_host, name, expected):
    assert cpu.collect(corpus_host(name)).architecture == expected
