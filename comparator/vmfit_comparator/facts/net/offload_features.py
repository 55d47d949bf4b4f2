"""Does the destination offer the offloads that the guest's NICs were given?"""

import re
from dataclasses import dataclass

from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import (
    Result,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.connections import (
    destination_hypervisor_version,
    source_hypervisor_version,
)
from vmfit_comparator.knowledge.versions import kernel_version

_TAP_TYPES = frozenset(("bridge", "network", "direct", "ethernet"))


_MACHINE_VERSION = re.compile(r"-(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class _Feature:
    """What virtio NICs have if QEMU and its machine type, and the host's kernel, are so new."""

    name: str
    kernel: tuple[int, int, int]
    qemu: tuple[int, int]
    only_vhost: bool = False


_FEATURES = (
    _Feature("queue reset", (6, 3, 0), (7, 2), only_vhost=True),
    _Feature("USO", (6, 2, 0), (8, 1)),
    _Feature("UDP tunnel offload", (6, 17, 0), (10, 2)),
)


@fact(
    applies_if="vm.nics",
    needs=("vm.nics", "source.kernel.release", "destination.kernel.release"),
    reads=("vm.domain_type", "vm.machine_type"),
)
def offload_features(case: Case) -> Result:
    """Foresee features of virtio NICs that depend on the host's kernel.

    Each is offered if QEMU, the machine type and the kernel are new enough: resetting a queue of
    vhost-net (QEMU 7.2, Linux 6.3), UDP segmentation offload or USO (QEMU 8.1, Linux 6.2) and the
    same within UDP tunnels (QEMU 10.2, Linux 6.17). A guest that uses one does not come up over an
    older kernel: PROBABLY_NO, as not every guest uses them, and kernels with backports have them
    too. NICs of other models, older QEMUs and machine types, and kernels of the same kind are YES;
    a newer kernel is PROBABLY_YES. Kernels that cannot be compared are NO_IDEA.

    Source: QEMU virtio_net_get_features; Linux tun, TUN_F_USO4; vhost-net, VIRTIO_F_RING_RESET.
    """
    if not any(_on_tap(nic) for nic in case.vm.nics):
        return not_applicable("no virtio NIC is on a tap")
    offered = [each for each in _FEATURES if _is_offered(each, case)]
    if not offered:
        return yes("QEMU or the machine type is too old to offer what depends on the kernel")
    before, after = case.source.kernel.release, case.destination.kernel.release
    versions = kernel_version(before), kernel_version(after)
    text = f"source's kernel {before}, destination's {after}"
    if not all(versions):
        return no_idea(f"{text} cannot be compared")
    lost = [each for each in offered if versions[0] >= each.kernel > versions[1]]
    if lost:
        needed = ".".join(map(str, max(each.kernel for each in lost)[:2]))
        return probably_no(
            f"{_names(lost)} may be lost ({text})",
            probability=0.3,
            remedies=[upgrade("the kernel", needed)],
        )
    gained = [each for each in offered if versions[1] >= each.kernel > versions[0]]
    if gained:
        return probably_yes(f"the guest goes on without {_names(gained)} ({text})")
    return yes(text)


def _on_tap(nic: Nic) -> bool:
    return nic.model == "virtio" and nic.type in _TAP_TYPES


def _names(features: list[_Feature]) -> str:
    return ", ".join(each.name for each in features)


def _is_offered(feature: _Feature, case: Case) -> bool:
    vm = case.vm
    # libvirt takes vhost for KVM guests, unless it is told not to.
    if feature.only_vhost and not (
        vm.domain_type == "kvm"
        and any(_on_tap(nic) and nic.driver_name != "qemu" for nic in vm.nics)
    ):
        return False
    machine = _MACHINE_VERSION.search(vm.machine_type)
    if machine is not None and (int(machine[1]), int(machine[2])) < feature.qemu:
        return False
    versions = source_hypervisor_version(case), destination_hypervisor_version(case)
    major, minor = feature.qemu
    return all(each >= major * 1_000_000 + minor * 1000 for each in versions)
