"""What a destination has to promise so that a VM finds its memory there."""

from collections.abc import Iterator

from vmfit.v1.preparation_pb2 import Reservation
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.knowledge.guest_memory import huge_pages_needed

_STRICT = ("strict", "")


def coming_memory(vm: Vm, default_huge_page_bytes: int) -> list[Reservation]:
    """Return the maximum of the guest's memory, by NUMA node of the host and huge page size.

    Memory is on a node where the definition binds it strictly to that one alone; memory that is
    bound to several nodes, or to none, is anywhere. Huge pages are whole ones. Raises ValueError
    when the guest wants huge pages of the default size, and that is not known.
    """
    needed: dict[tuple[int | None, int | None], int] = {}
    for cell, page, size in _pieces(vm, default_huge_page_bytes):
        if page == 0:
            raise ValueError("the destination's default huge page size is not known")
        whole = -(-size // page) * page if page else size
        place = _node(vm, cell), page
        if whole:
            needed[place] = needed.get(place, 0) + whole
    return [
        Reservation(numa_node=node, huge_page_bytes=page, size_bytes=size)
        for (node, page), size in needed.items()
    ]


def _pieces(vm: Vm, default_bytes: int) -> Iterator[tuple[int | None, int | None, int]]:
    """Yield guest node, huge page size and bytes; the node is None for a guest without any."""
    huge = huge_pages_needed(vm, default_bytes)
    for (page, cell), size in huge.items():
        yield cell, page, size
    in_huge = {cell for _, cell in huge}
    cells = {cell.cell_id: cell.memory_bytes for cell in vm.numa.cells}
    for cell, size in cells.items():
        if cell not in in_huge:
            yield cell, None, size
    rest = vm.memory.maximum_bytes - sum(cells.values())
    if rest > 0 and None not in in_huge:
        yield None, None, rest


def _node(vm: Vm, cell: int | None) -> int | None:
    placement = next((each for each in vm.numa.placements if each.cell_id == cell), None)
    if cell is not None and placement is not None:
        mode, nodes = placement.memory_mode, placement.host_node_ids
    else:
        mode, nodes = vm.numa.memory_mode, vm.numa.host_node_ids
    return nodes[0] if len(nodes) == 1 and mode in _STRICT else None
