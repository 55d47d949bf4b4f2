"""Has the destination enough free memory for the guest?"""

from collections.abc import Hashable

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, Remedy
from vmfit.v1.host_pb2 import Memory
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.guest_memory import (
    available_bytes,
    free_memory,
    limit_is_hidden,
    must_be_resident,
    ordinary_bytes,
    size_text,
)
from vmfit_comparator.knowledge.promised_memory import held_text, promised_bytes

_REDUCED = QUALITY_REDUCED


def _amount(destination: Snapshot) -> float:
    return available_bytes(destination.memory)


def _bounds(destination: Snapshot) -> Hashable:
    """Return what bounds guests beside the memory that is available."""
    memory = destination.memory
    left = None
    if memory.overcommit_mode == 2 and memory.HasField("commit_limit_bytes"):
        left = memory.commit_limit_bytes - memory.committed_bytes
    return limit_is_hidden(memory), left


@fact(
    applies_if=("vm.memory",),
    needs=("vm.memory", "incoming.memory", "destination.memory.available_bytes"),
    reads=(
        "incoming.numa.cells",
        *("policy.margins.memory_ratio", "policy.margins.memory_overhead_bytes"),
        "destination.memory.guest_cgroup",
        "destination.memory.swap_free_bytes",
        "destination.memory.overcommit_mode",
        "destination.memory.commit_limit_bytes",
        "destination.memory.committed_bytes",
    ),
    grouping=Grouping(
        number=_amount,
        numbers=("destination.memory.available_bytes",),
        seen_as=_bounds,
        seen=(
            "destination.memory.guest_cgroup",
            "destination.memory.commit_limit_bytes",
            "destination.memory.committed_bytes",
        ),
    ),
)
def free(case: Case) -> Result:
    """Compare the guest's memory with what is available, its control group's limit heeded.

    What the agent has promised to other VMs that are to come is not available.
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
    available, ordinary = _available(case), ordinary_bytes(vm)
    overhead = margins.memory_overhead_bytes
    wanted = int(ordinary * margins.memory_ratio) + overhead
    text = f"{size_text(max(available, 0))} available, {size_text(ordinary)} of memory wanted"
    text += f" (with margins {size_text(wanted)})"
    if promised := promised_bytes(case):
        text += f"; {size_text(promised)} more are promised to other VMs"
    remedy = free_memory(wanted - available)
    uncommitted = _uncommitted_bytes(memory)
    if uncommitted is not None and uncommitted < ordinary:
        left = size_text(max(uncommitted, 0))
        text += f"; the kernel of the destination never overcommits, and {left} are left to commit"
        return no(text, remedies=[free_memory(ordinary - uncommitted)])
    if limit_is_hidden(memory) and available >= ordinary:
        return _hidden_limit(case, ordinary, text)
    if available >= wanted:
        return yes(text + held_text(case))
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


def _available(case: Case) -> int:
    return available_bytes(case.destination.memory) - promised_bytes(case)


def _uncommitted_bytes(memory: Memory) -> int | None:
    """Return what may still be promised to programs; None where nothing bounds that."""
    if memory.overcommit_mode != 2 or not memory.HasField("commit_limit_bytes"):
        return None
    return memory.commit_limit_bytes - memory.committed_bytes


def _as_touched(case: Case, ordinary: int, text: str, remedy: Remedy) -> Result:
    guest, memory = case.vm.memory, case.destination.memory
    available = _available(case)
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
