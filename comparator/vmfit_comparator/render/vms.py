"""The VMs of a host, for people."""

from collections.abc import Callable, Sequence

from vmfit.v1.vm_pb2 import Vm, VmState
from vmfit_comparator.knowledge.guest_memory import size_text
from vmfit_comparator.render.terminal import Terminal, column_widths

_HEADINGS = ("NAME", "STATE", "VCPUS", "MEMORY", "UUID")
_RUNS = (VmState.VM_STATE_RUNNING, VmState.VM_STATE_BLOCKED, VmState.VM_STATE_PAUSED)


def show_vms(vms: Sequence[Vm]) -> Callable[[Terminal], None]:
    """Return what prints a line for every VM: those that run first, each kind by name."""
    if not vms:
        return lambda terminal: terminal.line("the host has no VMs")
    ordered = sorted(vms, key=lambda each: (each.state not in _RUNS, each.name))
    return lambda terminal: _show(terminal, ordered)


def _show(terminal: Terminal, vms: Sequence[Vm]) -> None:
    rows = [_cells(each) for each in vms]
    widths = column_widths([_HEADINGS, *rows])
    terminal.row(_HEADINGS, widths, bold=True)
    for vm, row in zip(vms, rows, strict=True):
        terminal.row(row, widths, colour="green" if vm.state in _RUNS else None)


def _cells(vm: Vm) -> tuple[str, str, str, str, str]:
    state = "unknown"
    if vm.HasField("state") and vm.state:
        state = VmState.Name(vm.state).removeprefix("VM_STATE_").lower().replace("_", " ")
    vcpus = str(vm.vcpus.current_count) if vm.vcpus.current_count else "-"
    memory = size_text(vm.memory.current_bytes) if vm.memory.current_bytes else "-"
    return vm.name, state, vcpus, memory, vm.uuid or "-"
