"""Facts about libvirt's own objects that the guest's NICs name: networks and filters."""

from vmfit.v1.finding_pb2 import Quality
from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, start_network
from vmfit_comparator.evaluation.result import Result, no, yes
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.bridges import named_nics, virtual_network
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined


@fact(
    "net.network",
    question="Are the libvirt networks of the NICs active on the destination?",
    applies_if=("incoming.nics.network",),
    reads=("incoming.nics", "destination.libvirt_objects.networks"),
    also_reads=(
        "source.libvirt_objects.networks",
        "vm.domain_type",
        "vm.connection_uri",
        "destination.hypervisor.connections",
    ),
)
@unless_offline
def network(case: Case) -> Result:
    """Look every NIC's libvirt network up on the destination.

    Missing or not active is NO. A port group that the network there lacks is ignored by libvirt,
    with its VLANs and limits: YES, REDUCED. So is a network of that name which forwards otherwise
    than the source's (NAT, isolated, a bridge).

    Source: virConnectListAllNetworks.
    """
    outcomes = {}
    for name, nic in named_nics(case.incoming):
        if nic.type == "network":
            outcomes[name] = _network(nic, case)
    return joined(outcomes, "does not apply: no NIC is on a libvirt network")


def _network(nic: Nic, case: Case) -> Result:
    found = virtual_network(nic.network, case.vm, case.destination)
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
    here = virtual_network(nic.network, case.vm, case.source)
    if here is not None and here.forward_mode != found.forward_mode:
        modes = [each.forward_mode or "none" for each in (here, found)]
        return yes(
            f"network {nic.network} is active, but forwards otherwise: {modes[0]} here, {modes[1]} "
            "there",
            quality=Quality.QUALITY_REDUCED,
        )
    return yes(f"network {nic.network} is active")


@fact(
    "net.filter",
    question="Are the network filters of the NICs defined on the destination?",
    applies_if=("incoming.nics.filter",),
    reads=("incoming.nics", "destination.libvirt_objects.network_filters"),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "destination.hypervisor.connections",
    ),
)
@unless_offline
def network_filter(case: Case) -> Result:
    """Look every NIC's filter up on the destination.

    libvirt sets the filter's rules up before the guest runs, and refuses a NIC whose filter is
    not defined: NO. The rules themselves are not compared.

    Source: virConnectListAllNWFilters.
    """
    connection = connection_for(case.vm, case.destination)
    known = {
        each.name
        for each in case.destination.libvirt_objects.network_filters
        if connection is None or each.uri == connection.uri
    }
    outcomes = {}
    for name, nic in named_nics(case.incoming):
        if not nic.filter:
            continue
        remedy = change_definition(
            f"Define network filter {nic.filter} on the destination", "filter", nic.filter
        )
        gone = no(f"the destination has no network filter {nic.filter}", remedies=[remedy])
        outcomes[name] = yes(f"filter {nic.filter} is there") if nic.filter in known else gone
    return joined(outcomes, "does not apply: no NIC has a filter")


FACTS = (network, network_filter)
