"""Can QEMU on the destination open the sockets of the guest's NICs?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.host_addresses import has_address, is_in_use
from vmfit_comparator.knowledge.nics import NicPair, nics


@fact(
    each=nics,
    applies_if="incoming.nics.socket_port",
    needs="destination.network",
    reads=(
        "destination.network.interfaces.addresses",
        *("destination.network.listening_ports", "destination.network.udp_ports"),
    ),
)
def sockets(pair: NicPair, case: Case) -> Result | None:
    """Look at the address and port where a NIC of type server or udp listens.

    An address that the destination lacks, and a port in use, is NO (a UDP port, which may be
    shared, PROBABLY_NO); else YES. A client's server is not asked, as QEMU goes on without:
    PROBABLY_YES. Multicast needs nobody: YES.

    Source: QEMU's -netdev socket; bind(2).
    """
    nic = pair.there
    if not nic.socket_port:
        return None
    place = f"{nic.socket_host}:{nic.socket_port}"
    network = case.destination.network
    if nic.type == "client":
        return probably_yes(f"it connects to {place}, which was not tried from there")
    if nic.type not in ("server", "udp"):
        return yes(f"it sends to {place}")
    udp = nic.type == "udp"
    host, port = (nic.local_host, nic.local_port) if udp else (nic.socket_host, nic.socket_port)
    if host and has_address(host, network) is False:
        return no(f"{host}, where it listens, is no address of the destination")
    if port and is_in_use(host, port, network.udp_ports if udp else network.listening_ports):
        in_use = probably_no if udp else no
        return in_use(f"port {port}, where it listens, is in use on the destination")
    return yes(f"it can listen at {host}:{port}")
