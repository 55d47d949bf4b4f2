"""Are the network filters of the NICs defined on the destination?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, no, yes
from vmfit_comparator.knowledge.connections import destination_connection
from vmfit_comparator.knowledge.nics import NicPair, nics


@fact(
    each=nics,
    applies_if="incoming.nics.filter",
    needs="destination.libvirt_objects.network_filters",
)
def network_filter(pair: NicPair, case: Case) -> Result | None:
    """Look every NIC's filter up on the destination.

    libvirt sets the filter's rules up before the guest runs, and refuses a NIC whose filter is
    not defined: NO. The rules themselves are not compared.

    Source: virConnectListAllNWFilters.
    """
    wanted = pair.there.filter
    if not wanted:
        return None
    connection = destination_connection(case)
    known = {
        each.name
        for each in case.destination.libvirt_objects.network_filters
        if connection is None or each.uri == connection.uri
    }
    if wanted in known:
        return yes(f"filter {wanted} is there")
    remedy = change_definition(
        f"Define network filter {wanted} on the destination", "filter", wanted
    )
    return no(f"the destination has no network filter {wanted}", remedies=[remedy])
