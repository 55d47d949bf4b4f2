"""Whether two definitions of a guest's CPU are the same to libvirt."""

from collections.abc import Callable

from vmfit.v1.vm_pb2 import GuestCpu, GuestTopology
from vmfit_comparator.knowledge.cpu.special_features import NEVER_ASKED
from vmfit_contract.cpu_features import Feature, feature, names

_COMPARED: tuple[tuple[str, Callable[[GuestCpu], object]], ...] = (
    ("CPU mode", lambda cpu: cpu.mode or "custom"),
    ("CPU model", lambda cpu: cpu.model),
    ("CPU vendor", lambda cpu: cpu.vendor),
    ("CPU match", lambda cpu: cpu.match or "exact"),
    ("CPU topology", lambda cpu: _topology(cpu.topology)),
    ("CPU cache", lambda cpu: cpu.cache_mode),
    (
        "number of CPU address bits",
        lambda cpu: (
            cpu.physical_address_mode,
            cpu.physical_address_bits,
            cpu.physical_address_limit_bits,
        ),
    ),
)


def _topology(topology: GuestTopology) -> tuple[int, ...]:
    threads = topology.socket_count, topology.core_count, topology.thread_count
    return (*threads, topology.die_count or 1, topology.cluster_count or 1)


def cpu_differences(here: GuestCpu, there: GuestCpu) -> list[str]:
    """Return in words what libvirt does not accept as the same CPU; empty when it does.

    Features and their policies must be the same, and in the same order. libvirt itself changes two
    things in what it sends: it leaves out features of nested virtualisation that came to a model
    later, and disables pconfig, which QEMU never gave.

    Source: libvirt virCPUDefIsEqual, qemuDomainMakeCPUMigratable.
    """
    found = [f"another {name}" for name, read in _COMPARED if read(here) != read(there)]
    if here.check != there.check and "full" in {here.check, there.check}:
        found.append(f"CPU check {there.check or 'none'} instead of {here.check or 'none'}")
    before, after = _policies(here), _policies(there)
    before = {
        each: policy
        for each, policy in before.items()
        if each in after or not str(each).startswith("vmx-")
    }
    after = {
        each: policy for each, policy in after.items() if each in before or each not in NEVER_ASKED
    }
    differing = {each for each, _ in before.items() ^ after.items()}
    if differing:
        found.append(f"other CPU features: {', '.join(names(differing))}")
    elif list(before) != list(after):
        found.append("the CPU features in another order")
    return found


def _policies(cpu: GuestCpu) -> dict[Feature, str]:
    return {feature(each.name): each.policy for each in cpu.features}
