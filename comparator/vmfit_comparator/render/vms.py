"""The VMs of a host, for people."""

from collections.abc import Callable, Sequence

from vmfit.v1.vm_pb2 import Vm, VmState
from vmfit_comparator.knowledge.guest_memory import size_text
from vmfit_comparator.render.terminal import Terminal, column_widths

_HEADINGS = ("NAME", "STATE", "VCPUS", "MEMORY", "UUID")
_WIDE = ("TYPE", "MACHINE", "DISKS", "NICS", "LIBVIRT")
_RUNS = (VmState.VM_STATE_RUNNING, VmState.VM_STATE_BLOCKED, VmState.VM_STATE_PAUSED)


def show_vms(vms: Sequence[Vm], *, wide: bool = False) -> Callable[[Terminal], None]:
    """Return what prints a line for every VM: those that run first, each kind by name.

    A wide one says what machine the VM has, and which libvirt has the VM.
    """
    if not vms:
        return lambda terminal: terminal.line("the host has no VMs")
    ordered = sorted(vms, key=lambda each: (each.state not in _RUNS, each.name))
    return lambda terminal: _show(terminal, ordered, wide=wide)


def _show(terminal: Terminal, vms: Sequence[Vm], *, wide: bool) -> None:
    headings = (*_HEADINGS, *(_WIDE if wide else ()))
    rows = [(*_cells(each), *(_wide_cells(each) if wide else ())) for each in vms]
    widths = column_widths([headings, *rows])
    terminal.row(headings, widths, bold=True)
    for vm, row in zip(vms, rows, strict=True):
        terminal.row(row, widths, colour="green" if vm.state in _RUNS else None)


def _cells(vm: Vm) -> tuple[str, str, str, str, str]:
    state = "unknown"
    if vm.HasField("state") and vm.state:
        state = VmState.Name(vm.state).removeprefix("VM_STATE_").lower().replace("_", " ")
    vcpus = str(vm.vcpus.current_count) if vm.vcpus.current_count else "-"
    memory = size_text(vm.memory.current_bytes) if vm.memory.current_bytes else "-"
    return vm.name, state, vcpus, memory, vm.uuid or "-"


def _wide_cells(vm: Vm) -> tuple[str, str, str, str, str]:
    machine = vm.machine_type
    counts = str(len(vm.disks)), str(len(vm.nics))
    return vm.domain_type or "-", machine or "-", *counts, vm.connection_uri or "-"
