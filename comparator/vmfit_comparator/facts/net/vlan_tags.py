"""Can the destination's libvirt give the NICs the VLAN tags that they ask for?"""

from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, yes
from vmfit_comparator.knowledge.bridges import virtual_network
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined

_NETWORKS = "destination.libvirt_objects.networks"


# libvirt sets VLAN tags on the kernel's own bridges since.
_BRIDGE_VLANS = 11_000_000


@fact(
    applies_if=("incoming.nics.vlan_ids",),
    needs=("incoming.nics", "destination.hypervisor.connections"),
    reads=(
        "vm.domain_type",
        "vm.connection_uri",
        _NETWORKS,
    ),
)
def vlan_tags(case: Case) -> Result:
    """Look at what the NICs with VLAN tags plug into.

    Open vSwitch and SR-IOV functions take tags: YES. A bridge of the kernel takes them with
    libvirt 11.0 and newer alone: older ones refuse the NIC, NO. On a libvirt network
    that the destination lacks it is NO_IDEA.

    Source: libvirt's virDomainActualNetDefValidate.
    """
    outcomes = {nic.mac: _tagged(nic, case) for nic in case.incoming.nics if nic.vlan_ids}
    return joined(outcomes, "does not apply: no NIC has VLAN tags")


def _tagged(nic: Nic, case: Case) -> Result:
    kind, port_type = nic.type, nic.virtual_port_type
    if kind == "network":
        found = virtual_network(nic.network, case.vm, case.destination)
        if found is None:
            return no_idea(f"what network {nic.network} is there is not known", missing=[_NETWORKS])
        kind = "bridge" if found.bridge else ""
        port_type = port_type or found.virtual_port_type
    if kind not in ("bridge", "ethernet") or port_type == "openvswitch":
        return yes("what it plugs into takes VLAN tags")
    connection = connection_for(case.vm, case.destination)
    version = connection.libvirt_version if connection is not None else 0
    if not version:
        missing = "destination.hypervisor.connections.libvirt_version"
        return no_idea("the destination's libvirt version is not known", missing=[missing])
    if kind == "bridge" and version >= _BRIDGE_VLANS:
        return yes("the destination's libvirt tags the ports of bridges")
    remedy = upgrade("libvirt", "11.0")
    return no("the destination's libvirt gives no VLAN tags to such a NIC", remedies=[remedy])
