"""Are the network filters of the NICs defined on the destination?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, no, yes
from vmfit_comparator.knowledge.bridges import named_nics
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import joined


@fact(
    applies_if=("incoming.nics.filter",),
    needs=("incoming.nics", "destination.libvirt_objects.network_filters"),
    reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "destination.hypervisor.connections",
    ),
)
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
