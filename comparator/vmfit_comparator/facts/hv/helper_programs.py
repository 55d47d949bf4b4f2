"""Has the destination the programs that libvirt starts beside the guest?"""

from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no_idea, not_applicable, probably_no, yes

_PROGRAMS = "destination.hypervisor.helper_programs"


# Where qemu.conf says where qemu-pr-helper is.
_SETTING = "pr_helper"


@fact(
    needs=("vm.name",),
    reads=(
        "incoming.nics",
        "incoming.disks",
        "incoming.filesystems",
        "incoming.graphics",
        "incoming.other_devices",
        "incoming.vcpus",
        "incoming.numa",
        "destination.security.qemu_conf",
        _PROGRAMS,
    ),
)
def helper_programs(case: Case) -> Result:
    """Look for passt, virtiofsd, qemu-pr-helper, dbus-daemon, vhost-user-gpu, numad where needed.

    All there is YES. One that is not where distributions install it is PROBABLY_NO, as libvirt may
    know of another place; one that qemu.conf names (pr_helper) is not looked for. Where nobody
    looked it is NO_IDEA.

    Source: libvirt's qemu driver: virFindFileInPath, vhost-user descriptors, pr_helper,
    virNumaGetAutoPlacementAdvice.
    """
    needed = _needed(case.incoming)
    if case.destination.security.qemu_conf.get(_SETTING):
        needed.pop("qemu-pr-helper", None)
    if not needed:
        return not_applicable("libvirt starts no program beside this guest")
    there = case.destination.hypervisor.helper_programs
    if not there:
        text = f"whether the destination has {_listed(needed)} is not known"
        return no_idea(text, missing=[_PROGRAMS])
    lacking = {name: why for name, why in needed.items() if name not in there}
    if not lacking:
        return yes(f"the destination has {', '.join(sorted(needed))}")
    return probably_no(
        f"the destination has no {_listed(lacking)} where it is usually installed",
        probability=0.1,
        remedies=[upgrade(name, "") for name in sorted(lacking)],
    )


def _needed(vm: Vm) -> dict[str, str]:
    """Return the programs by name, and what each is for."""
    needed = {}
    if any(nic.backend_type == "passt" for nic in vm.nics):
        needed["passt"] = "a NIC"
    if any(disk.reservations for disk in vm.disks):
        needed["qemu-pr-helper"] = "persistent reservations"
    if any(
        each.driver == "virtiofs" and not each.socket and not each.binary for each in vm.filesystems
    ):
        needed["virtiofsd"] = "a shared directory"
    if any(each.starts_bus for each in vm.graphics):
        needed["dbus-daemon"] = "a display"
    if any(each.kind == "video" and each.driver_name == "vhostuser" for each in vm.other_devices):
        needed["vhost-user-gpu"] = "a display"
    if "auto" in (vm.vcpus.placement, vm.numa.placement):
        needed["numad"] = "automatic placement"
    return needed


def _listed(programs: dict[str, str]) -> str:
    return ", ".join(f"{name} ({why})" for name, why in sorted(programs.items()))
