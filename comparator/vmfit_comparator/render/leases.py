"""Leases of a host, for people."""

from collections.abc import Callable, Sequence

from vmfit.v1.preparation_pb2 import Hold, Lease, Reservation
from vmfit_comparator.knowledge.guest_memory import size_text
from vmfit_comparator.render.terminal import Terminal, column_widths

_HEADINGS = ("VM", "OWNER", "GENERATION", "HOLD", "GUEST", "MEMORY")


def show_leases(leases: Sequence[Lease]) -> Callable[[Terminal], None]:
    """Return what prints a line for every lease."""
    if not leases:
        return lambda terminal: terminal.line("the host has promised no memory")
    return lambda terminal: _show(terminal, leases)


def memory_text(lease: Lease) -> str:
    """Return what a lease promises: "4.0 GiB on NUMA node 1, 2.0 GiB in pages of 2 MiB"."""
    return ", ".join(_reservation_text(each) for each in lease.reservations)


def _show(terminal: Terminal, leases: Sequence[Lease]) -> None:
    rows = [_cells(each) for each in leases]
    widths = column_widths([_HEADINGS, *rows])
    terminal.row(_HEADINGS, widths, bold=True)
    for row in rows:
        terminal.row(row, widths)


def _cells(lease: Lease) -> tuple[str, ...]:
    hold = Hold.Name(lease.hold).removeprefix("HOLD_").lower()
    guest = "arrived" if lease.arrived else "to come"
    generation = str(lease.generation)
    return lease.vm_uuid, lease.owner, generation, hold, guest, memory_text(lease)


def _reservation_text(reservation: Reservation) -> str:
    text = size_text(reservation.size_bytes)
    if reservation.HasField("huge_page_bytes"):
        text += f" in pages of {size_text(reservation.huge_page_bytes)}"
    if reservation.HasField("numa_node"):
        text += f" on NUMA node {reservation.numa_node}"
    return text
