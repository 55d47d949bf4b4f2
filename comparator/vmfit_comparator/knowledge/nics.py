"""The guest's NICs, and which bridge, interface or libvirt network of a host each plugs into."""

from collections.abc import Iterator
from dataclasses import dataclass

from vmfit.v1.hypervisor_pb2 import VirtualNetwork
from vmfit.v1.network_pb2 import Network, NetworkInterface
from vmfit.v1.vm_pb2 import Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import chooses, reads
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.connections import destination_connection, source_connection
from vmfit_comparator.knowledge.matched import matched

_TAPS = ("tap", "tun", "macvtap")


@dataclass(frozen=True, slots=True)
class NicPair:
    """A NIC as the source has it, and as the destination gets it."""

    here: Nic | None
    """None where the source has no such NIC."""
    there: Nic


@subjects("NIC")
@chooses("vm.nics", "incoming.nics")
def nics(case: Case) -> Iterator[tuple[str, NicPair]]:
    """Yield the NICs that the destination gets, by their MACs; matched by MAC, then by place."""
    for here, there in matched(case.vm.nics, case.incoming.nics, lambda nic: nic.mac):
        yield there.mac, NicPair(here, there)


def interface(name: str, network: Network) -> NetworkInterface | None:
    """Return a host's interface by name; None without one."""
    return next((each for each in network.interfaces if each.name == name), None)


@reads("source.libvirt_objects.networks")
def source_network(name: str, case: Case) -> VirtualNetwork | None:
    """Return the source's libvirt network of this name, on the connection that runs the VM."""
    connection = source_connection(case)
    for each in case.source.libvirt_objects.networks:
        if each.name == name and (connection is None or each.uri == connection.uri):
            return each
    return None


@reads("destination.libvirt_objects.networks")
def destination_network(name: str, case: Case) -> VirtualNetwork | None:
    """Return the destination's network of this name, on the connection that would run the VM."""
    connection = destination_connection(case)
    for each in case.destination.libvirt_objects.networks:
        if each.name == name and (connection is None or each.uri == connection.uri):
            return each
    return None


def source_link(nic: Nic, case: Case) -> str:
    """Return the bridge or interface that a NIC plugs into on the source; empty if none."""
    return _link(nic, source_network(nic.network, case) if nic.type == "network" else None)


def destination_link(nic: Nic, case: Case) -> str:
    """Return the bridge or interface that a NIC plugs into on the destination; empty if none."""
    return _link(nic, destination_network(nic.network, case) if nic.type == "network" else None)


def _link(nic: Nic, network: VirtualNetwork | None) -> str:
    if network is not None:
        return network.bridge or next(iter(network.forward_interfaces), "")
    if nic.type == "direct":
        return nic.host_interface
    return nic.bridge if nic.type == "bridge" else ""


def uplinks(bridge: NetworkInterface, network: Network) -> list[NetworkInterface]:
    """Return a bridge's ports other than guests' taps."""
    names = set(bridge.bridge.ports)
    return [
        each
        for each in network.interfaces
        if (each.name in names or each.master == bridge.name)
        and each.type not in _TAPS
        and not each.name.startswith(("vnet", "tap", "macvtap"))
    ]


def usable_mtu(name: str, network: Network) -> int | None:
    """Return the largest frame that passes a bridge and its uplinks, or an interface, in bytes."""
    found = carriers(name, network)
    if not found or not found[0].mtu_bytes:
        return None
    return min(each.mtu_bytes for each in found)


def carriers(name: str, network: Network) -> list[NetworkInterface]:
    """Return a bridge and its uplinks, or an interface; nothing where there is none."""
    found = interface(name, network)
    return [] if found is None else [found, *uplinks(found, network)]
