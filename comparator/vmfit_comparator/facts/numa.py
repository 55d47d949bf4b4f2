"""Facts about NUMA nodes and pinned CPUs."""

from collections.abc import Sequence

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, Consequence, Remedy, RepinVcpus
from vmfit.v1.host_pb2 import NumaNode
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.disks import joined
from vmfit_comparator.knowledge.guest_memory import free_memory, must_be_resident, size_text

_CONTROL_GROUPS = ("cgroup", "cgroup2")
_REDUCED = QUALITY_REDUCED


@fact(
    "numa.node_memory",
    question="Have the NUMA nodes that the guest's memory is bound to room for it?",
    applies_if=("incoming.numa.host_node_ids", "incoming.numa.placements"),
    reads=("incoming.numa", "incoming.memory", "destination.numa.nodes.free_bytes"),
    also_reads=("vm.memory.resident_bytes", "destination.numa.nodes"),
)
@unless_offline
def node_memory(case: Case) -> Result:
    """Compare each binding of numatune with the free and reclaimable memory of its nodes.

    A node that does not exist is NO, whatever the mode. Room for the memory, times the policy's
    `numa_memory_ratio`, is YES. Too little is YES of REDUCED quality unless the mode is strict.
    Strict memory that is preallocated or locked must fit, else NO; other strict memory comes as it
    is touched: room for what is resident now is PROBABLY_YES of REDUCED quality, less is NO. The
    remedy names nodes that have room. Huge pages are judged by mem.hugepages.

    Source: /sys/devices/system/node/node*/meminfo; libvirt docs/formatdomain.rst, numatune.
    """
    numa = case.incoming.numa
    nodes = {node.node_id: node for node in case.destination.numa.nodes}
    cells = {cell.cell_id: cell.memory_bytes for cell in numa.cells}
    placed = {each.cell_id for each in numa.placements}
    outcomes = {}
    if numa.host_node_ids:
        rest = sum(size for cell, size in cells.items() if cell not in placed)
        wanted = rest if cells else case.incoming.memory.maximum_bytes
        bound = list(numa.host_node_ids)
        outcomes["the guest"] = _bound(case, nodes, bound, numa.memory_mode, wanted)
    for each in numa.placements:
        if not each.host_node_ids:
            continue
        wanted = cells.get(each.cell_id, 0)
        bound = list(each.host_node_ids)
        outcome = _bound(case, nodes, bound, each.memory_mode, wanted)
        outcomes[f"cell {each.cell_id}"] = outcome
    return joined(outcomes, "does not apply: no memory is bound to a node")


def _bound(
    case: Case, nodes: dict[int, NumaNode], bound: Sequence[int], mode: str, wanted: int
) -> Result:
    absent = [node for node in bound if node not in nodes]
    names = ", ".join(map(str, bound))
    if absent:
        known = ", ".join(map(str, nodes)) or "none"
        text = f"NUMA node {', '.join(map(str, absent))} does not exist there (there are: {known})"
        return no(text, remedies=_other_nodes(nodes, wanted))
    if case.incoming.memory.uses_huge_pages:
        return yes(f"NUMA node {names} is there; mem.hugepages counts the pages")
    there = sum(nodes[node].free_bytes + nodes[node].reclaimable_bytes for node in bound)
    needed = int(wanted * case.policy.margins.numa_memory_ratio)
    text = f"{size_text(needed)} wanted on NUMA node {names}, {size_text(there)} free there"
    if there >= needed:
        return yes(text)
    remedies = [
        free_memory(needed - there, bound[0]),
        *_other_nodes(nodes, needed),
    ]
    if mode not in {"strict", ""}:
        text += f"; mode {mode} takes the rest elsewhere"
        return yes(text, quality=_REDUCED, remedies=remedies)
    if must_be_resident(case.incoming):
        if there >= wanted:
            return probably_yes(f"{text}: tight", quality=_REDUCED, remedies=remedies)
        return no(text, remedies=remedies)
    return _as_touched(case, wanted, there, text, remedies)


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


def _other_nodes(nodes: dict[int, NumaNode], wanted: int) -> list[Remedy]:
    fitting = [
        node_id
        for node_id, node in nodes.items()
        if node.free_bytes + node.reclaimable_bytes >= wanted
    ]
    if not fitting:
        return []
    names = ", ".join(map(str, fitting))
    return [
        Remedy(
            summary=f"Bind the memory to NUMA node {names} instead, with --xml",
            repin_vcpus=RepinVcpus(numa_nodes=fitting),
        )
    ]


@fact(
    "numa.topology",
    question="Has the destination a NUMA node for each of the guest's?",
    applies_if=("vm.numa.cells",),
    reads=("vm.numa.cells", "destination.numa.nodes"),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
@unless_offline
def topology(case: Case) -> Result:
    """Count the NUMA nodes that have CPUs and memory.

    As many as the guest's or more is YES; fewer PROBABLY_NO. It does not decide: such a guest runs,
    its idea of near and far memory is wrong. A binding to a missing node is judged by
    numa.node_memory.

    Source: /sys/devices/system/node; libvirt docs/formatdomain.rst, cpu/numa.
    """
    cells = len(case.vm.numa.cells)
    nodes = [node for node in case.destination.numa.nodes if node.cpu_ids]
    text = f"the guest has {cells} NUMA nodes, the destination {len(nodes)} with CPUs"
    if len(nodes) >= cells:
        return yes(text)
    return probably_no(text)


@fact(
    "numa.cpu_pinning",
    question="Are the CPUs that the guest is pinned to there, for guests to use?",
    applies_if=(
        "incoming.vcpus.cpu_ids",
        "incoming.vcpus.pins",
        "incoming.vcpus.emulator_cpu_ids",
        "incoming.vcpus.iothread_pins",
    ),
    reads=("incoming.vcpus", "destination.cpu.online_cpu_ids"),
    also_reads=("destination.kernel.limits.allowed_cpu_ids", "destination.mounts.mounts"),
)
@unless_offline
def cpu_pinning(case: Case) -> Result:
    """Look up each pinned CPU among those online and those that libvirtd may use.

    All there is YES. A vCPU, emulator or I/O thread of which no pinned CPU is there is NO: the
    kernel refuses the affinity. Some there: PROBABLY_NO when the others do not exist (control
    groups refuse the set), PROBABLY_YES of REDUCED quality when libvirtd just may not use them, or
    when no control group is mounted there.

    Source: sched_setaffinity(2); cpuset.cpus; /proc/PID/status Cpus_allowed_list of libvirtd.
    """
    vcpus = case.incoming.vcpus
    online = set(case.destination.cpu.online_cpu_ids)
    if not online:
        missing = "destination.cpu.online_cpu_ids"
        return no_idea("which CPUs are online there is not known", missing=[missing])
    allowed = set(case.destination.kernel.limits.allowed_cpu_ids) & online or online
    # Without any, the kernel's affinity alone decides, which takes what there is of a set.
    mounts = case.destination.mounts.mounts
    strict = not mounts or any(each.type in _CONTROL_GROUPS for each in mounts)
    wanted = {f"vCPU {pin.vcpu_id}": set(pin.cpu_ids) for pin in vcpus.pins}
    wanted["all vCPUs"] = set(vcpus.cpu_ids)
    wanted["the emulator"] = set(vcpus.emulator_cpu_ids)
    wanted |= {f"I/O thread {pin.iothread_id}": set(pin.cpu_ids) for pin in vcpus.iothread_pins}
    outcomes = {
        name: _pinned(cpu_ids, online, allowed, strict=strict)
        for name, cpu_ids in wanted.items()
        if cpu_ids
    }
    return joined(outcomes, "the definition pins nothing")


def _pinned(wanted: set[int], online: set[int], allowed: set[int], *, strict: bool) -> Result:
    usable = wanted & allowed
    names = ", ".join(map(str, sorted(wanted)))
    if usable == wanted:
        return yes(f"CPU {names} is there")
    lacking = ", ".join(map(str, sorted(wanted - usable)))
    missing = wanted - online
    why = f"CPU {lacking} is not " + ("online there" if missing else "for libvirtd to use there")
    remedy = Remedy(
        summary="Pin to CPUs that guests may use there, with --xml",
        repin_vcpus=RepinVcpus(cpu_ids=sorted(allowed)),
    )
    if not usable:
        return no(why, remedies=[remedy])
    if missing and strict:
        return probably_no(why, probability=0.3, remedies=[remedy])
    return probably_yes(why, quality=_REDUCED, remedies=[remedy])


FACTS = (node_memory, topology, cpu_pinning)
