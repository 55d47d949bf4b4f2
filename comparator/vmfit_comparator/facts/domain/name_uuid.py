"""Are the domain's name and UUID free on the destination?"""

from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import (
    add_option,
    remove_domain,
)
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.active import is_active
from vmfit_comparator.knowledge.connections import destination_connection

_COUNTED = ("name", "uuid", "state", "connection_uri", "nics.mac")


@fact(
    needs=("vm.name", "vm.uuid", "destination.domains.vms"),
    reads=("incoming.name", "vm.nics.mac", "options.destination_name"),
    offline=True,
    grouping=Grouping(
        seen=("destination.domains.vms",),
        counted=tuple(f"destination.domains.vms.{each}" for each in _COUNTED),
        names=("destination.domains.vms.name", "destination.domains.vms.uuid"),
    ),
)
def name_uuid(case: Case) -> Result:
    """Look for a domain of the same name or UUID on the destination.

    The same domain running, the name with another UUID or the UUID with another name is NO.
    The same name and UUID shut off is PROBABLY_YES: the definition is reused. Another running
    guest with one of the MAC addresses is PROBABLY_YES too, for the two disturb each other.

    Source: virConnectListAllDomains.
    """
    name = case.options.destination_name or case.incoming.name or case.vm.name
    uuid = case.vm.uuid
    others = _domains(case)
    for each in others:
        if uuid != each.uuid and name != each.name:
            continue
        remedies = [remove_domain(each.name, each.uuid)]
        if each.uuid == uuid and each.name == name:
            if is_active(each):
                return no(f"{name} ({uuid}) runs on the destination already", remedies=remedies)
            return probably_yes(f"{name} ({uuid}) is defined there, shut off", probability=0.95)
        if each.uuid == uuid:
            return no(f"UUID {uuid} is that of {each.name} on the destination", remedies=remedies)
        rename = add_option("--dname NAME", "the name is taken on the destination")
        return no(f"{name} is another domain there ({each.uuid})", remedies=[*remedies, rename])
    macs = {nic.mac for nic in case.vm.nics}
    for each in others:
        shared = macs & {nic.mac for nic in each.nics}
        if shared and is_active(each):
            return probably_yes(
                f"{each.name} runs there with MAC address {min(shared)} as well", probability=0.7
            )
    return yes(f"no domain of the destination is called {name} or has UUID {uuid}")


def _domains(case: Case) -> list[Vm]:
    """Return the domains of the connection that receives the VM."""
    connection = destination_connection(case)
    return [
        each
        for each in case.destination.domains.vms
        if connection is None or not each.connection_uri or each.connection_uri == connection.uri
    ]
