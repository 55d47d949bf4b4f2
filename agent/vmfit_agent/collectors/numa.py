"""NUMA nodes, their processors and their memory."""

from vmfit.v1.host_pb2 import Numa, NumaNode
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names, read_text
from vmfit_agent.kernel_files.huge_pages import read_huge_pages
from vmfit_agent.kernel_files.meminfo import parse_meminfo, reclaimable_bytes
from vmfit_agent.processors.cpu_sets import read_cpu_list, read_cpu_mask

FILES = (
    "sys/devices/system/node/online",
    "sys/devices/system/node/node*/cpulist",
    "sys/devices/system/node/node*/cpumap",
    "sys/devices/system/node/node*/distance",
    "sys/devices/system/node/node*/meminfo",
    "sys/devices/system/node/node*/hugepages/hugepages-*/*",
)
_NODES = "sys/devices/system/node"


def collect(host: Host) -> Numa:
    """Return the online nodes in ascending order; none on a kernel without NUMA.

    Raises ValueError when a file is malformed.
    Source: Documentation/ABI/stable/sysfs-devices-node.
    """
    present = [name for name in list_names(host, _NODES) if name[:4] == "node"]
    node_ids = sorted(int(name[4:]) for name in present if name[4:].isdigit())
    online = read_cpu_list(host, f"{_NODES}/online")
    if online is not None:
        wanted = set(online)
        missing = wanted.difference(node_ids)
        if missing:
            host.warn(f"/{_NODES}: online nodes without a directory: {sorted(missing)}")
        node_ids = [node_id for node_id in node_ids if node_id in wanted]
    return Numa(nodes=[_node(host, node_id, len(node_ids)) for node_id in node_ids])


def _node(host: Host, node_id: int, node_count: int) -> NumaNode:
    path = f"{_NODES}/node{node_id}"
    node = NumaNode(
        node_id=node_id,
        cpu_ids=_cpu_ids(host, path),
        distances=_distances(host, path, node_count),
        huge_pages=read_huge_pages(host, f"{path}/hugepages", whole_host=False),
    )
    sizes = parse_meminfo(read_text(host, f"{path}/meminfo") or "")
    if "MemTotal" in sizes:
        node.total_bytes = sizes["MemTotal"]
    if "MemFree" in sizes:
        node.free_bytes = sizes["MemFree"]
    reclaimable = reclaimable_bytes(sizes)
    if reclaimable is not None:
        node.reclaimable_bytes = reclaimable
    return node


def _cpu_ids(host: Host, path: str) -> list[int]:
    told = read_cpu_list(host, f"{path}/cpulist")
    if told is not None:
        return told
    # Kernels before 2.6.26 have masks only.
    told = read_cpu_mask(host, f"{path}/cpumap")
    if told:
        return told
    # Without either, the links to the processors tell.
    names = (name[3:] for name in list_names(host, path) if name[:3] == "cpu")
    return sorted(int(name) for name in names if name.isdigit())


def _distances(host: Host, path: str, node_count: int) -> list[int]:
    words = (read_text(host, f"{path}/distance") or "").split()
    if len(words) == node_count and all(word.isdigit() and len(word) < 6 for word in words):
        return [int(word) for word in words]
    if words:
        host.warn(f"/{path}/distance: {len(words)} distances for {node_count} online nodes")
    return []
