"""Facts about the destination's memory: free, huge pages, pressure."""

from collections.abc import Iterable

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, AllocateHugePages, Consequence, FreeMemory, Remedy
from vmfit.v1.host_pb2 import HugePages, Memory
from vmfit.v1.storage_pb2 import Mount
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.guest_memory import (
    available_bytes,
    free_memory,
    huge_pages_needed,
    limit_is_hidden,
    must_be_resident,
    ordinary_bytes,
    size_text,
)

_REDUCED = QUALITY_REDUCED
# The size in "pagesize=2M", as the kernel prints it for hugetlbfs.
_PAGE_SIZE_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@fact(
    "mem.free",
    question="Has the destination enough free memory for the guest?",
    applies_if=("vm.memory",),
    reads=("vm.memory", "incoming.memory", "destination.memory.available_bytes"),
    also_reads=(
        "incoming.numa.cells",
        "destination.memory.guest_cgroup",
        "destination.memory.swap_free_bytes",
        "destination.memory.overcommit_mode",
        "destination.memory.commit_limit_bytes",
        "destination.memory.committed_bytes",
    ),
)
@unless_offline
def free(case: Case) -> Result:
    """Compare the guest's memory with what is available, its control group's limit heeded.

    Room for the maximum, times the policy's `memory_ratio`, plus `memory_overhead_bytes`, is YES.
    Memory that is preallocated or locked must fit, else NO. Other memory comes as it is touched:
    room for the balloon's target, or for what is resident on the source, is PROBABLY_YES of REDUCED
    quality, with swap a lesser one; less than what is resident is NO, PROBABLY_NO when that is not
    known. Memory in huge pages does not count. A kernel that never overcommits must have the
    maximum left to commit, else NO. Where a control group bounds guests whose limit nothing shows,
    YES is no more than PROBABLY_YES, and NO_IDEA when all memory is taken at the start.

    Source: /proc/meminfo MemAvailable; memory.max; virDomainMemoryStats.
    """
    vm, memory, margins = case.incoming, case.destination.memory, case.policy.margins
    available, ordinary = available_bytes(memory), ordinary_bytes(vm)
    overhead = margins.memory_overhead_bytes
    wanted = int(ordinary * margins.memory_ratio) + overhead
    text = f"{size_text(available)} available, {size_text(ordinary)} of memory wanted"
    text += f" (with margins {size_text(wanted)})"
    remedy = free_memory(wanted - available)
    if not _may_commit(memory, ordinary):
        return no(f"{text}; the kernel there never overcommits", remedies=[remedy])
    if limit_is_hidden(memory) and available >= ordinary:
        return _hidden_limit(case, ordinary, text)
    if available >= wanted:
        return yes(text)
    if must_be_resident(vm):
        if available >= ordinary:
            return probably_yes(f"{text}: tight", quality=_REDUCED, remedies=[remedy])
        return no(f"{text}, all of it taken at the start", remedies=[remedy])
    return _as_touched(case, ordinary, text, remedy)


def _hidden_limit(case: Case, ordinary: int, text: str) -> Result:
    text += f"; guests are bound by the control group {case.destination.memory.guest_cgroup.path}"
    text += ", whose limit cannot be seen"
    if must_be_resident(case.incoming) and ordinary:
        missing = "destination.memory.guest_cgroup.limit_bytes"
        return no_idea(text, missing=[missing])
    return probably_yes(text, probability=0.85)


def _may_commit(memory: Memory, wanted: int) -> bool:
    if memory.overcommit_mode != 2 or not memory.HasField("commit_limit_bytes"):
        return True
    return memory.commit_limit_bytes - memory.committed_bytes >= wanted


def _as_touched(case: Case, ordinary: int, text: str, remedy: Remedy) -> Result:
    guest, memory = case.vm.memory, case.destination.memory
    available = available_bytes(memory)
    target = min(guest.current_bytes or ordinary, ordinary)
    if available >= target + case.policy.margins.memory_overhead_bytes:
        text += f"; enough for its present {size_text(target)}"
        return probably_yes(text, quality=_REDUCED, remedies=[remedy])
    if not guest.HasField("resident_bytes"):
        text += "; how much it has touched is not known"
        return probably_no(text, probability=0.3, remedies=[remedy])
    # Huge pages are not part of the resident set.
    resident = min(guest.resident_bytes, ordinary)
    text += f"; {size_text(resident)} are in use now"
    if available >= resident:
        return probably_yes(text, quality=_REDUCED, remedies=[remedy])
    if available + memory.swap_free_bytes >= resident:
        text += ", it will swap"
        return probably_yes(text, probability=0.6, quality=_REDUCED, remedies=[remedy])
    return no(text, remedies=[remedy])


@fact(
    "mem.hugepages",
    question="Has the destination enough free huge pages of the guest's size?",
    applies_if=("incoming.memory.uses_huge_pages",),
    reads=("incoming.memory", "destination.memory.huge_pages"),
    also_reads=(
        "incoming.numa",
        "destination.memory.default_huge_page_bytes",
        "destination.mounts.mounts",
        "destination.numa.nodes",
    ),
)
@unless_offline
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
    by_size: dict[int, int] = {}
    for (size, _), count in needed.items():
        by_size[size] = by_size.get(size, 0) + -(-count // size)
    mounts = case.destination.mounts.mounts
    pools = {each.size_bytes: each for each in memory.huge_pages}
    certain, texts = True, []
    for size, count in by_size.items():
        pool = pools.get(size, HugePages(size_bytes=size))
        unpromised = max(pool.free_count - pool.reserved_count, 0)
        more = max(pool.overcommit_count - pool.surplus_count, 0)
        text = f"{count} pages of {size_text(size)} wanted, {unpromised} free"
        if count > unpromised + more:
            return no(text, remedies=[_allocate(size, pool.total_count + count - unpromised)])
        if vm.memory.source_type != "memfd" and mounts and size not in _mounted_sizes(mounts):
            remedy = _mount(size)
            text = f"no hugetlbfs of {size_text(size)} pages is mounted there"
            return no(text, remedies=[remedy])
        certain = certain and count <= unpromised
        texts.append(text)
    on_node = _strict_shortage(case, needed)
    if on_node is not None:
        return on_node
    return yes("; ".join(texts)) if certain else probably_yes("; ".join(texts), probability=0.6)


def _allocate(size: int, count: int, node: int | None = None) -> Remedy:
    base = "/sys/kernel/mm" if node is None else f"/sys/devices/system/node/node{node}"
    return Remedy(
        summary=f"Raise the pool of {size_text(size)} huge pages to {count}",
        command=f"echo {count} > {base}/hugepages/hugepages-{size >> 10}kB/nr_hugepages",
        allocate_huge_pages=AllocateHugePages(size_bytes=size, count=count, numa_node=node),
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
        if -(-count // size) > there:
            text = f"{-(-count // size)} pages of {size_text(size)} wanted on NUMA node "
            text += f"{', '.join(map(str, bound))}, {there} free there"
            return no(text, remedies=[_allocate(size, -(-count // size), bound[0])])
    return None


@fact(
    "mem.swap_psi",
    question="Is the destination free of memory pressure?",
    reads=("destination.memory.pressure",),
    also_reads=("destination.memory.swap_total_bytes", "destination.memory.swap_free_bytes"),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def swap_psi(case: Case) -> Result:
    """Look at the time in which tasks there waited for memory.

    Under 1 % of the last minute is YES, under 10 % PROBABLY_YES, more PROBABLY_NO. It does not
    decide: a guest under pressure is slow, not broken.

    Source: /proc/pressure/memory.
    """
    memory = case.destination.memory
    share = memory.pressure.some_percent_60_seconds
    used = memory.swap_total_bytes - memory.swap_free_bytes
    text = (
        f"tasks waited for memory {share:.1f} % of the last minute, {size_text(used)} swapped out"
    )
    if share < 1:
        return yes(text)
    if share < 10:
        return probably_yes(text, quality=_REDUCED)
    remedy = Remedy(summary="Free memory on the destination", free_memory=FreeMemory())
    return probably_no(text, remedies=[remedy])


FACTS = (free, hugepages, swap_psi)
