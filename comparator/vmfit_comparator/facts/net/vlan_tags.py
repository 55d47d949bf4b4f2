"""Can the destination's libvirt give the NICs the VLAN tags that they ask for?"""

from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, yes
from vmfit_comparator.knowledge.connections import destination_libvirt_version
from vmfit_comparator.knowledge.nics import NicPair, destination_network, nics

_NETWORKS = "destination.libvirt_objects.networks"


# libvirt sets VLAN tags on the kernel's own bridges since.
_BRIDGE_VLANS = 11_000_000


@fact(each=nics, applies_if="incoming.nics.vlan_ids", needs="destination.hypervisor")
def vlan_tags(pair: NicPair, case: Case) -> Result | None:
    """Look at what the NICs with VLAN tags plug into.

    Open vSwitch and SR-IOV functions take tags: YES. A bridge of the kernel takes them with
    libvirt 11.0 and newer alone: older ones refuse the NIC, NO. On a libvirt network
    that the destination lacks it is NO_IDEA.

    Source: libvirt's virDomainActualNetDefValidate.
    """
    return _tagged(pair.there, case) if pair.there.vlan_ids else None


def _tagged(nic: Nic, case: Case) -> Result:
    kind, port_type = nic.type, nic.virtual_port_type
    if kind == "network":
        found = destination_network(nic.network, case)
        if found is None:
            return no_idea(f"what network {nic.network} is there is not known", missing=[_NETWORKS])
        kind = "bridge" if found.bridge else ""
        port_type = port_type or found.virtual_port_type
    if kind not in ("bridge", "ethernet") or port_type == "openvswitch":
        return yes("what it plugs into takes VLAN tags")
    version = destination_libvirt_version(case)
    if not version:
        missing = "destination.hypervisor.connections.libvirt_version"
        return no_idea("the destination's libvirt version is not known", missing=[missing])
    if kind == "bridge" and version >= _BRIDGE_VLANS:
        return yes("the destination's libvirt tags the ports of bridges")
    remedies = [upgrade("libvirt", "11.0")] if kind == "bridge" else []
    return no("the destination's libvirt gives no VLAN tags to such a NIC", remedies=remedies)
