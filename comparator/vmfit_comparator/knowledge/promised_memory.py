"""What the destination's agent has promised of its memory: to the VM of the case, and to others."""

from collections.abc import Iterator

from vmfit.v1.preparation_pb2 import HOLD_LEDGER, Reservation
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import chooses, reads
from vmfit_comparator.knowledge.guest_memory import size_text

_HOLDS = {HOLD_LEDGER: "by the agent's ledger"}


def promised_bytes(case: Case, node: int | None = None, huge_page_bytes: int = 0) -> int:
    """Return what is promised to other VMs and not yet taken by them.

    Of one kind of pages, 0 for ordinary ones; on one NUMA node, or on the host as a whole.
    """
    return sum(
        max(each.size_bytes - each.used_bytes, 0)
        for each in _reservations(case, others=True)
        if each.huge_page_bytes == huge_page_bytes and node in {None, _node(each)}
    )


@reads("destination.memory.leases")
@chooses("vm.uuid")
def held_text(case: Case, huge_page_bytes: int = 0) -> str:
    """Return what is promised to the VM itself, and what stands behind it; empty for nothing."""
    promised = sum(
        each.size_bytes
        for each in _reservations(case, others=False)
        if each.huge_page_bytes == huge_page_bytes
    )
    if not promised:
        return ""
    holds = [each.hold for each in case.destination.memory.leases if each.vm_uuid == case.vm.uuid]
    how = _HOLDS.get(holds[0], "by the agent")
    return f"; {size_text(promised)} of it promised to this VM {how}"


@reads("destination.memory.leases")
@chooses("vm.uuid")
def _reservations(case: Case, *, others: bool) -> Iterator[Reservation]:
    for lease in case.destination.memory.leases:
        if (lease.vm_uuid != case.vm.uuid) == others:
            yield from lease.reservations


def _node(reservation: Reservation) -> int | None:
    return reservation.numa_node if reservation.HasField("numa_node") else None
