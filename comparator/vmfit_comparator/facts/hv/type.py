"""Can the destination run this type of domain (kvm, qemu, xen)?"""

from collections.abc import Sequence

from vmfit.v1.finding_pb2 import (
    QUALITY_EMULATED,
    ChooseHost,
    Remedy,
    UpgradeSoftware,
)
from vmfit.v1.hypervisor_pb2 import HypervisorConnection
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    yes,
)
from vmfit_comparator.knowledge.capabilities import destination_guest_archs
from vmfit_comparator.knowledge.connections import (
    KVM_DEVICE,
    connection_errors,
    destination_connection,
    driver_for,
)

_CONNECTIONS = "destination.hypervisor.connections"


@fact(
    needs=("vm.domain_type", "destination.hypervisor"),
    reads=(
        *("vm.architecture", "vm.os_type", f"{_CONNECTIONS}.guest_archs.domain_types"),
        *(f"{_CONNECTIONS}.page_sizes_bytes", "destination.kernel.kvm_usable", "options.offline"),
        *("destination.security.qemu_conf", "probes.accesses"),
    ),
    offline=True,
)
def domain_type(case: Case) -> Result:
    """Look the domain's type up in what the destination's libvirt can run.

    YES when libvirt lists it for the architecture, of EMULATED quality for type qemu (TCG); NO
    when libvirt lists others or, as it does when it can probe no emulator, none, and when no
    connection is of the driver; NO_IDEA without capabilities. libvirt lists kvm even if QEMU's user
    may not open /dev/kvm, for it probes with more rights than guests get: where a probe as that
    user was refused, NO, and PROBABLY_NO if qemu.conf names no user. An offline migration needs
    the architecture's emulator alone.

    Source: virConnectGetCapabilities: guest/arch/domain; libvirt qemuProcessQMPLaunch.
    """
    vm, destination = case.vm, case.destination
    connection = destination_connection(case)
    if connection is None:
        return _no_connection(case)
    types = {name for arch in destination_guest_archs(case) for name in arch.domain_types}
    if vm.domain_type in types:
        if vm.domain_type == "qemu":
            return yes("qemu domains run there (TCG)", quality=QUALITY_EMULATED)
        refused = _kvm_refused(case)
        return refused or yes(f"{vm.domain_type} domains run there")
    if not connection.guest_archs:
        return _no_guests(connection)
    if not vm.architecture:
        return no_idea("the guest's architecture is not told", missing=["vm.architecture"])
    if not types:
        text = f"no {vm.os_type} guest of architecture {vm.architecture} runs there"
        return no(text, remedies=[_install(vm)])
    if case.options.offline:
        return not_applicable("an offline migration only defines the domain there")
    return _other_types(vm, destination, sorted(types))


def _kvm_refused(case: Case) -> Result | None:
    probed = next((each for each in case.probes.accesses if each.path == KVM_DEVICE), None)
    if probed is None or not probed.HasField("answer") or probed.answer.allowed:
        return None
    user = probed.answer.user_id
    remedy = Remedy(
        summary=f"Let QEMU's user there open {KVM_DEVICE}, by its group or by a rule of udev",
        command=f"setfacl -m u:{user}:rw {KVM_DEVICE}",
    )
    text = f"user {user} may not open {KVM_DEVICE} there: {probed.answer.reason}"
    named = case.destination.security.qemu_conf.get("user", "")
    return (no if named else probably_no)(text, remedies=[remedy])


def _no_connection(case: Case) -> Result:
    errors = connection_errors(case)
    if errors:
        return no_idea(f"libvirt did not answer ({'; '.join(errors)})", missing=[_CONNECTIONS])
    if not case.destination.hypervisor.connections:
        return no_idea("no libvirt was asked there", missing=[_CONNECTIONS])
    wanted = case.vm.domain_type
    text = f"the destination's libvirt has no {driver_for(wanted)} driver for {wanted} domains"
    return no(text, remedies=[_choose(text)])


def _no_guests(connection: HypervisorConnection) -> Result:
    # libvirt tells them of every host: the capabilities were read.
    if connection.page_sizes_bytes:
        text = "libvirt there found no emulator that it can probe"
        return no(text, remedies=[_choose(text)])
    missing = f"{_CONNECTIONS}.guest_archs"
    return no_idea("libvirt's capabilities name no guests", missing=[missing])


def _other_types(vm: Vm, destination: Snapshot, types: Sequence[str]) -> Result:
    text = f"the VM is of type {vm.domain_type}; the destination runs {', '.join(types)}"
    if vm.domain_type != "kvm":
        return no(text, remedies=[_choose(text)])
    if destination.kernel.HasField("kvm_usable") and not destination.kernel.kvm_usable:
        text += ", /dev/kvm is not usable"
    remedy = Remedy(
        summary="Load the KVM module there (and enable virtualisation in the firmware)",
        command="modprobe kvm_intel || modprobe kvm_amd",
    )
    return no(text, remedies=[remedy])


def _choose(why: str) -> Remedy:
    return Remedy(summary="Choose another host", choose_host=ChooseHost(why=why))


def _install(vm: Vm) -> Remedy:
    package = f"qemu-system-{vm.architecture}"
    return Remedy(
        summary=f"Install {package} on the destination",
        upgrade_software=UpgradeSoftware(name=package),
    )
