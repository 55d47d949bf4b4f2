"""Have the NUMA nodes that the guest's memory is bound to room for it?"""

from collections.abc import Iterator
from dataclasses import dataclass

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, Remedy, RepinVcpus
from vmfit.v1.host_pb2 import NumaNode
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.guest_memory import free_memory, must_be_resident, size_text
from vmfit_comparator.knowledge.promised_memory import held_text, promised_bytes

_REDUCED = QUALITY_REDUCED


@dataclass(frozen=True, slots=True)
class Binding:
    """Memory that is bound to nodes of the host."""

    node_ids: tuple[int, ...]
    mode: str
    wanted_bytes: int


@subjects("memory that is bound")
@chooses("incoming.numa", "incoming.memory.maximum_bytes")
def bindings(case: Case) -> Iterator[tuple[str, Binding]]:
    """Yield the guest's memory as a whole, then cell by cell, as far as it is bound."""
    numa = case.incoming.numa
    cells = {cell.cell_id: cell.memory_bytes for cell in numa.cells}
    placed = {each.cell_id for each in numa.placements}
    if numa.host_node_ids:
        rest = sum(size for cell, size in cells.items() if cell not in placed)
        wanted = rest if cells else case.incoming.memory.maximum_bytes
        yield "the guest", Binding(tuple(numa.host_node_ids), numa.memory_mode, wanted)
    for each in numa.placements:
        if each.host_node_ids:
            wanted = cells.get(each.cell_id, 0)
            bound = Binding(tuple(each.host_node_ids), each.memory_mode, wanted)
            yield f"cell {each.cell_id}", bound


@fact(
    each=bindings,
    applies_if=("incoming.numa.host_node_ids", "incoming.numa.placements"),
    needs=("incoming.numa", "incoming.memory", "destination.numa.nodes.free_bytes"),
    reads=(
        *("vm.memory.resident_bytes", "destination.numa.nodes"),
        "policy.margins.numa_memory_ratio",
    ),
)
def node_memory(binding: Binding, case: Case) -> Result:
    """Compare each binding of numatune with the free and reclaimable memory of its nodes.

    A node that does not exist is NO, whatever the mode. Room for the memory, times the policy's
    `numa_memory_ratio`, is YES. Too little is YES of REDUCED quality unless the mode is strict.
    Strict memory that is preallocated or locked must fit, else NO; other strict memory comes as it
    is touched: room for what is resident now is PROBABLY_YES of REDUCED quality, less is NO. The
    remedy names nodes that have room. Huge pages are judged by mem.hugepages.

    Source: /sys/devices/system/node/node*/meminfo; libvirt docs/formatdomain.rst, numatune.
    """
    bound, wanted, mode = binding.node_ids, binding.wanted_bytes, binding.mode
    nodes = {node.node_id: node for node in case.destination.numa.nodes}
    absent = [node for node in bound if node not in nodes]
    names = ", ".join(map(str, bound))
    if absent:
        known = ", ".join(map(str, nodes)) or "none"
        text = f"NUMA node {', '.join(map(str, absent))} does not exist there (there are: {known})"
        return no(text, remedies=_other_nodes(case, nodes, wanted))
    if case.incoming.memory.uses_huge_pages:
        return yes(f"NUMA node {names} is there; mem.hugepages counts the pages")
    there = sum(_unpromised(case, nodes[node]) for node in bound)
    needed = int(wanted * case.policy.margins.numa_memory_ratio)
    text = f"{size_text(needed)} wanted on NUMA node {names}, "
    text += f"{size_text(max(there, 0))} free on the destination"
    text += _beside(sum(promised_bytes(case, node) for node in bound))
    if there >= needed:
        return yes(text + held_text(case))
    remedies = [
        free_memory(needed - there, bound[0]),
        *_other_nodes(case, nodes, needed),
    ]
    if mode not in {"strict", ""}:
        text += f"; mode {mode} takes the rest elsewhere"
        return yes(text, quality=_REDUCED, remedies=remedies)
    if must_be_resident(case.incoming):
        if there >= wanted:
            return probably_yes(f"{text}: tight", quality=_REDUCED, remedies=remedies)
        return no(text, remedies=remedies)
    return _as_touched(case, wanted, there, text, remedies)


def _unpromised(case: Case, node: NumaNode) -> int:
    return node.free_bytes + node.reclaimable_bytes - promised_bytes(case, node.node_id)


def _beside(promised: int) -> str:
    return f" beside {size_text(promised)} promised to other VMs" if promised else ""


def _as_touched(case: Case, wanted: int, there: int, text: str, remedies: list[Remedy]) -> Result:
    used = case.vm.memory
    if not used.HasField("resident_bytes"):
        text += "; how much it has touched is not known"
        return probably_no(text, probability=0.3, remedies=remedies)
    maximum_bytes = case.incoming.memory.maximum_bytes
    share = wanted / max(maximum_bytes, 1)
    resident = int(min(used.resident_bytes, maximum_bytes) * share)
    text += f"; about {size_text(resident)} are in use now"
    if there >= resident:
        return probably_yes(text, quality=_REDUCED, remedies=remedies)
    return no(text, remedies=remedies)


def _other_nodes(case: Case, nodes: dict[int, NumaNode], wanted: int) -> list[Remedy]:
    fitting = [node_id for node_id, node in nodes.items() if _unpromised(case, node) >= wanted]
    if not fitting:
        return []
    names = ", ".join(map(str, fitting))
    return [
        Remedy(
            summary=f"Bind the memory to NUMA node {names} instead, with --xml",
            repin_vcpus=RepinVcpus(numa_nodes=fitting),
        )
    ]
