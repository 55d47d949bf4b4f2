"""Does the destination have an emulator for the guest's architecture?"""

from vmfit.v1.finding_pb2 import (
    QUALITY_EMULATED,
    Remedy,
    UpgradeSoftware,
)
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    yes,
)
from vmfit_comparator.knowledge.capabilities import destination_guest_archs
from vmfit_comparator.knowledge.connections import destination_connection

_CONNECTIONS = "destination.hypervisor.connections"


@fact(
    needs=("vm.architecture", "destination.hypervisor"),
    reads=(
        *("vm.domain_type", "vm.os_type", "destination.cpu.architecture"),
        f"{_CONNECTIONS}.guest_archs.architecture",
    ),
    offline=True,
)
def architecture(case: Case) -> Result:
    """Look the guest's architecture up in what the destination's libvirt can run.

    YES natively, YES of EMULATED quality when another architecture is emulated (type qemu); NO
    when no emulator for it is installed; NO_IDEA without capabilities.

    Source: virConnectGetCapabilities: guest/arch.
    """
    vm = case.vm
    connection = destination_connection(case)
    if connection is None or not connection.guest_archs:
        missing = f"{_CONNECTIONS}.guest_archs"
        return no_idea("libvirt does not tell which guests it can run", missing=[missing])
    if not vm.architecture:
        return no_idea("the guest's architecture is not told", missing=["vm.architecture"])
    archs = destination_guest_archs(case)
    if not archs:
        known = sorted({each.architecture for each in connection.guest_archs})
        text = f"no emulator for {vm.architecture} ({vm.os_type}); there are {', '.join(known)}"
        return no(text, remedies=[_install(vm)])
    host = case.destination.cpu.architecture
    if vm.domain_type == "qemu" and host and not _native(vm.architecture, host):
        text = f"{vm.architecture} is emulated on {host}"
        return yes(text, quality=QUALITY_EMULATED)
    return yes(f"{vm.architecture} guests run there")


def _install(vm: Vm) -> Remedy:
    package = f"qemu-system-{vm.architecture}"
    return Remedy(
        summary=f"Install {package} on the destination",
        upgrade_software=UpgradeSoftware(name=package),
    )


def _native(guest: str, host: str) -> bool:
    return guest == host or (guest, host) in {
        ("i686", "x86_64"),
        ("armv7l", "aarch64"),
        ("ppc64", "ppc64le"),
        ("ppc64le", "ppc64"),
    }
