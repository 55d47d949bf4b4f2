"""Has the destination enough free huge pages of the guest's size?"""

from collections.abc import Iterable

from vmfit.v1.finding_pb2 import AllocateHugePages, Remedy
from vmfit.v1.host_pb2 import HugePages
from vmfit.v1.storage_pb2 import Mount
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_yes, yes
from vmfit_comparator.knowledge.guest_memory import (
    huge_pages_needed,
    size_text,
)
from vmfit_comparator.knowledge.promised_memory import held_text, promised_bytes

# The size in "pagesize=2M", as the kernel prints it for hugetlbfs.
_PAGE_SIZE_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@fact(
    applies_if=("incoming.memory.uses_huge_pages",),
    needs=("incoming.memory", "destination.memory.huge_pages"),
    reads=(
        "incoming.numa",
        "destination.memory.default_huge_page_bytes",
        "destination.mounts.mounts",
        "destination.numa.nodes",
    ),
)
def hugepages(case: Case) -> Result:
    """Count the free huge pages of each size that the guest's memory needs.

    QEMU takes all of them at the start. Enough and not promised to others is YES; enough only with
    pages that the kernel may allocate beyond the pool PROBABLY_YES; too few NO, and so
    are too few on the nodes that a strict numatune binds them to, or no hugetlbfs mount
    of that size (memfd needs none). NO_IDEA when the default size is needed and not known.

    Source: /sys/kernel/mm/hugepages, /sys/devices/system/node/node*/hugepages, mountinfo.
    """
    vm, memory = case.incoming, case.destination.memory
    needed = huge_pages_needed(vm, memory.default_huge_page_bytes)
    if any(not size for size, _ in needed):
        missing = "destination.memory.default_huge_page_bytes"
        return no_idea("the default huge page size is not known", missing=[missing])
    if not needed:
        return yes("no <page> concerns a NUMA node of the guest")
    mounts = case.destination.mounts.mounts
    pools = {each.size_bytes: each for each in memory.huge_pages}
    certain, texts = True, []
    for size, count in _pages_by_size(needed).items():
        pool = pools.get(size, HugePages(size_bytes=size))
        promised = promised_bytes(case, huge_page_bytes=size) // size
        unpromised = pool.free_count - pool.reserved_count - promised
        more = max(pool.overcommit_count - pool.surplus_count, 0)
        text = _free_text(count, size, unpromised, promised)
        if count > unpromised + more:
            return no(text, remedies=[_allocate(size, pool.total_count + count - unpromised)])
        if vm.memory.source_type != "memfd" and mounts and size not in _mounted_sizes(mounts):
            remedy = _mount(size)
            text = f"no hugetlbfs of {size_text(size)} pages is mounted there"
            return no(text, remedies=[remedy])
        certain = certain and count <= unpromised
        texts.append(text + held_text(case, size))
    on_node = _strict_shortage(case, needed)
    if on_node is not None:
        return on_node
    return yes("; ".join(texts)) if certain else probably_yes("; ".join(texts), probability=0.6)


def _pages_by_size(needed: dict[tuple[int, int | None], int]) -> dict[int, int]:
    by_size: dict[int, int] = {}
    for (size, _), count in needed.items():
        by_size[size] = by_size.get(size, 0) + -(-count // size)
    return by_size


def _free_text(count: int, size: int, free: int, promised: int) -> str:
    text = f"{count} pages of {size_text(size)} wanted, {max(free, 0)} free"
    return f"{text} beside {promised} promised to other VMs" if promised else text


def _allocate(size: int, count: int, node: int | None = None) -> Remedy:
    base = "/sys/kernel/mm" if node is None else f"/sys/devices/system/node/node{node}"
    return Remedy(
        summary=f"Raise the pool of {size_text(size)} huge pages to {count}",
        command=f"echo {count} > {base}/hugepages/hugepages-{size >> 10}kB/nr_hugepages",
        # More than the field can hold is more than any host can have.
        allocate_huge_pages=AllocateHugePages(
            size_bytes=size, count=min(count, 2**64 - 1), numa_node=node
        ),
    )


def _mount(size: int) -> Remedy:
    path = f"/dev/hugepages-{size >> 10}kB"
    return provide_storage(
        f"Mount a hugetlbfs of {size_text(size)} pages on the destination, and restart its libvirt",
        path,
        command=f"mount -t hugetlbfs -o pagesize={size >> 10}K,X-mount.mkdir hugetlbfs {path}",
    )


def _mounted_sizes(mounts: Iterable[Mount]) -> set[int]:
    sizes = set()
    for mount in mounts:
        if mount.type != "hugetlbfs":
            continue
        for option in mount.options:
            name, _, value = option.partition("=")
            if name == "pagesize" and value[:-1].isdigit() and value[-1:] in _PAGE_SIZE_UNITS:
                sizes.add(int(value[:-1]) * _PAGE_SIZE_UNITS[value[-1]])
    return sizes


def _strict_shortage(case: Case, needed: dict[tuple[int, int | None], int]) -> Result | None:
    """Return NO when a strict binding leaves too few pages on its nodes."""
    numa = case.incoming.numa
    nodes = {node.node_id: node for node in case.destination.numa.nodes}
    if not nodes:
        return None
    placements = {each.cell_id: each for each in numa.placements}
    for (size, cell), count in needed.items():
        placement = placements.get(cell) if cell is not None else None
        mode = placement.memory_mode if placement is not None else numa.memory_mode
        bound = list(placement.host_node_ids if placement is not None else numa.host_node_ids)
        if mode != "strict" or not bound:
            continue
        pages = [p for node in bound if node in nodes for p in nodes[node].huge_pages]
        there = sum(page.free_count for page in pages if page.size_bytes == size)
        there -= sum(promised_bytes(case, node, size) // size for node in bound)
        if -(-count // size) > there:
            text = f"{-(-count // size)} pages of {size_text(size)} wanted on NUMA node "
            text += f"{', '.join(map(str, bound))}, {there} free there"
            return no(text, remedies=[_allocate(size, -(-count // size), bound[0])])
    return None
