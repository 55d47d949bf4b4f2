"""Which domains run."""

from vmfit.v1.vm_pb2 import Vm, VmState

_INACTIVE = (VmState.VM_STATE_UNSPECIFIED, VmState.VM_STATE_SHUT_OFF, VmState.VM_STATE_CRASHED)


def is_active(vm: Vm) -> bool:
    """Tell whether a domain has a hypervisor process: it runs, is paused or suspended."""
    return vm.state not in _INACTIVE
