"""Does the destination have the kernel's tap, vhost and vsock devices for the guest?"""

from collections.abc import Hashable

from vmfit.v1.finding_pb2 import Quality
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Nic, OtherDevice
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import (
    change_definition,
    load_module,
)
from vmfit_comparator.evaluation.result import Result, no, no_idea, yes
from vmfit_comparator.knowledge.active import is_active
from vmfit_comparator.knowledge.device_paths import creatable, served
from vmfit_comparator.knowledge.devices import devices
from vmfit_comparator.knowledge.nics import NicPair, nics

_TAP_TYPES = ("bridge", "network", "ethernet")


def _vsock_guests(destination: Snapshot) -> Hashable:
    """Return the guests that have vsock addresses."""
    return destination.HasField("domains"), tuple(
        (each.uuid, is_active(each), device.vsock_cid)
        for each in destination.domains.vms
        for device in each.other_devices
        if device.kind == "vsock"
    )


@fact(
    each=(nics, devices),
    reads=(
        *("vm.domain_type", "source.kernel.device_nodes", "destination.kernel.device_nodes"),
        *("vm.uuid", "destination.domains.vms"),
    ),
    grouping=Grouping(seen_as=_vsock_guests, seen=("destination.domains.vms",)),
)
def vhost(subject: NicPair | OtherDevice, case: Case) -> Result | None:
    """Look up /dev/net/tun, vhost-net, vhost-vsock and vhost-user sockets on the destination.

    No tun for a tap NIC, no vhost-net for a NIC of a KVM guest that demands it, no vhost-vsock or a
    vsock address in use for a vsock, no socket for vhost-user: NO. Without vhost-net libvirt falls
    back to QEMU: YES, REDUCED, where the source has it.

    Source: /dev; libvirt's formatdomain, driver name and vsock; qemuInterfaceOpenVhostNet.
    """
    if isinstance(subject, NicPair):
        return _nic(subject.there, case)
    if subject.kind != "vsock":
        return None
    return _vsock(subject.vsock_cid, case, automatic=subject.vsock_auto)


def _nic(nic: Nic, case: Case) -> Result | None:
    if nic.type == "vhostuser" and nic.socket_mode == "server" and nic.socket.path:
        return creatable(nic.socket, "incoming.nics.socket")
    if nic.type in ("vhostuser", "vdpa"):
        return served(nic.socket, "incoming.nics.socket") if nic.socket.path else None
    if nic.type not in _TAP_TYPES:
        return None
    kernel = case.destination.kernel
    if not kernel.device_nodes:
        return no_idea(
            "the destination's device nodes are not known",
            missing=["destination.kernel.device_nodes"],
        )
    if "net/tun" not in kernel.device_nodes:
        return no("the destination has no /dev/net/tun", remedies=[load_module("tun")])
    if "vhost-net" in kernel.device_nodes or not nic.model.startswith("virtio"):
        return yes("/dev/net/tun is there")
    if case.vm.domain_type != "kvm":
        return yes("/dev/net/tun is there, and libvirt gives vhost-net to KVM guests alone")
    if nic.driver_name == "vhost":
        summary = "Let QEMU carry the frames itself (--xml)"
        remedies = [
            load_module("vhost_net"),
            change_definition(summary, "interface/driver/@name", "qemu"),
        ]
        return no("the NIC demands vhost-net, which the destination lacks", remedies=remedies)
    if "vhost-net" in case.source.kernel.device_nodes:
        return yes(
            "the destination has no vhost-net: QEMU carries the frames itself, slower",
            quality=Quality.QUALITY_REDUCED,
        )
    return yes("neither host has vhost-net")


def _vsock(cid: int, case: Case, *, automatic: bool) -> Result:
    destination = case.destination
    if destination.kernel.device_nodes and "vhost-vsock" not in destination.kernel.device_nodes:
        return no("the destination has no /dev/vhost-vsock", remedies=[load_module("vhost_vsock")])
    if not destination.HasField("domains"):
        return no_idea("the destination's guests are not known", missing=["destination.domains"])
    for vm in destination.domains.vms:
        taken = {each.vsock_cid for each in vm.other_devices if each.kind == "vsock"}
        if cid in taken and is_active(vm) and not automatic and vm.uuid != case.vm.uuid:
            summary = "Let libvirt choose the vsock's address (--xml)"
            remedy = change_definition(summary, "vsock/cid/@auto", "yes")
            text = f"guest {vm.name} of the destination uses vsock address {cid}"
            return no(text, remedies=[remedy])
    return yes("/dev/vhost-vsock is there")
