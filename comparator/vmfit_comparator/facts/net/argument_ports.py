"""Are the ports free on the destination that QEMU's own arguments listen at?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, joined, no, not_applicable, probably_yes, yes
from vmfit_comparator.knowledge.host_addresses import has_address, is_in_use
from vmfit_comparator.knowledge.qemu_arguments import Endpoint, endpoints


@fact(
    applies_if="incoming.qemu_arguments",
    needs="destination.network",
    reads=(
        "incoming.qemu_arguments",
        *("destination.network.interfaces.addresses", "destination.network.listening_ports"),
    ),
)
def argument_ports(case: Case) -> Result:
    """Look up where -chardev, -serial, -monitor, -qmp and -gdb of qemu:commandline listen.

    - YES: the port is free on the destination.
    - NO: it is in use, or the address is none of the destination's: QEMU does not start.
    - PROBABLY_YES: QEMU connects as a client, and whether the server answers was not tried.

    libvirt knows nothing of these words, and hands them to the destination as they are.

    Source: QEMU's -chardev socket and -serial tcp; bind(2).
    """
    found = {
        f"{each.option} {number}": _judged(each, case)
        for number, each in enumerate(endpoints(case.incoming.qemu_arguments), 1)
    }
    return joined(found) if found else not_applicable("no argument has a TCP port")


def _judged(endpoint: Endpoint, case: Case) -> Result:
    place = f"{endpoint.host}:{endpoint.port}"
    if not endpoint.listens:
        return probably_yes(f"it connects to {place}, which was not tried from the destination")
    network = case.destination.network
    remedy = change_definition("Let it listen elsewhere", "qemu:commandline", "")
    if endpoint.host and has_address(endpoint.host, network) is False:
        text = f"{endpoint.host}, where it listens, is no address of the destination"
        return no(text, remedies=[remedy])
    if is_in_use(endpoint.host, endpoint.port, network.listening_ports):
        text = f"port {endpoint.port}, where it listens, is in use on the destination"
        return no(text, remedies=[remedy])
    return yes(f"it can listen at {place} on the destination")
