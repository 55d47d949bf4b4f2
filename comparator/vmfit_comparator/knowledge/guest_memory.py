"""How much memory of which kind a guest needs."""

from vmfit.v1.finding_pb2 import FreeMemory, Remedy
from vmfit.v1.host_pb2 import Memory
from vmfit.v1.vm_pb2 import Vm

_MOST_BYTES = (1 << 64) - 1


def must_be_resident(vm: Vm) -> bool:
    """Tell whether all of the guest's memory is taken at its start (preallocated or locked)."""
    return vm.memory.preallocated or vm.memory.locked


def huge_pages_needed(vm: Vm, default_size_bytes: int) -> dict[tuple[int, int | None], int]:
    """Return the bytes needed by (page size, guest NUMA node); the node is None without cells.

    Guest nodes that no <page> element names are backed by ordinary memory. Empty without huge
    pages.
    """
    memory = vm.memory
    if not memory.uses_huge_pages:
        return {}
    cells = {cell.cell_id: cell.memory_bytes for cell in vm.numa.cells}
    needed: dict[tuple[int, int | None], int] = {}
    if not cells:
        sizes = [each.size_bytes for each in memory.huge_pages if each.size_bytes]
        size = sizes[0] if sizes else default_size_bytes
        needed[size, None] = memory.maximum_bytes
        return needed
    everywhere = default_size_bytes if not memory.huge_pages else None
    named: dict[int, int] = {}
    for each in memory.huge_pages:
        size = each.size_bytes or default_size_bytes
        if not each.guest_node_ids:
            everywhere = size
        named.update(dict.fromkeys(each.guest_node_ids, size))
    for cell_id, size_bytes in cells.items():
        page = named.get(cell_id, everywhere)
        if page is not None:
            needed[page, cell_id] = size_bytes
    return needed


def ordinary_bytes(vm: Vm) -> int:
    """Return the guest's maximum memory that is not backed by huge pages."""
    # The page size does not matter for the sum.
    huge = sum(huge_pages_needed(vm, 1).values())
    return max(vm.memory.maximum_bytes - huge, 0)


def available_bytes(memory: Memory) -> int:
    """Return what a new guest can get without swapping, its control group's limit heeded."""
    available = memory.available_bytes
    group = memory.guest_cgroup
    used = max(group.usage_bytes - group.reclaimable_bytes, 0)
    if memory.HasField("guest_cgroup") and group.HasField("limit_bytes"):
        available = min(available, max(group.limit_bytes - used, 0))
    return available


def limit_is_hidden(memory: Memory) -> bool:
    """Tell whether a control group bounds guests, yet the agent could not see its limit."""
    group = memory.guest_cgroup
    return group.HasField("limit_known") and not group.limit_known


def size_text(count: int) -> str:
    """Return a size for people: "1.5 GiB", "300 MiB"."""
    if count >= 1 << 30:
        return f"{count / (1 << 30):.1f} GiB"
    return f"{count / (1 << 20):.0f} MiB"


def free_memory(amount: int, numa_node: int | None = None) -> Remedy:
    """Free so many bytes on the destination, on one of its NUMA nodes where one is given."""
    place = "the destination" if numa_node is None else f"NUMA node {numa_node}"
    # A definition can ask for more memory than a number of the message holds.
    wanted = min(max(amount, 0), _MOST_BYTES)
    return Remedy(
        summary=f"Free {size_text(wanted)} on {place}",
        free_memory=FreeMemory(numa_node=numa_node, bytes=wanted),
    )
