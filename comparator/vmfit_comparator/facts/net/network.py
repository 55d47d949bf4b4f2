"""Are the libvirt networks of the NICs active on the destination?"""

from vmfit.v1.finding_pb2 import Quality
from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import start_network
from vmfit_comparator.evaluation.result import Result, no, yes
from vmfit_comparator.knowledge.nics import NicPair, destination_network, nics, source_network


@fact(each=nics, applies_if="incoming.nics.network", needs="destination.libvirt_objects.networks")
def network(pair: NicPair, case: Case) -> Result | None:
    """Look every NIC's libvirt network up on the destination.

    Missing or not active is NO. A port group that the network there lacks is ignored by libvirt,
    with its VLANs and limits: YES, REDUCED. So is a network of that name which forwards otherwise
    than the source's (NAT, isolated, a bridge).

    Source: virConnectListAllNetworks.
    """
    return _network(pair.there, case) if pair.there.type == "network" else None


def _network(nic: Nic, case: Case) -> Result:
    found = destination_network(nic.network, case)
    if found is None:
        return no(
            f"the destination has no libvirt network {nic.network}",
            remedies=[start_network(nic.network, define=True)],
        )
    if not found.active:
        return no(
            f"libvirt network {nic.network} is not active on the destination",
            remedies=[start_network(nic.network, define=False)],
        )
    if nic.port_group and nic.port_group not in found.port_groups:
        return yes(
            f"network {nic.network} is active, without port group {nic.port_group}: "
            "its settings are lost",
            quality=Quality.QUALITY_REDUCED,
        )
    here = source_network(nic.network, case)
    if here is not None and here.forward_mode != found.forward_mode:
        modes = [each.forward_mode or "none" for each in (here, found)]
        return yes(
            f"network {nic.network} is active, but forwards otherwise: {modes[0]} here, {modes[1]} "
            "there",
            quality=Quality.QUALITY_REDUCED,
        )
    return yes(f"network {nic.network} is active")
