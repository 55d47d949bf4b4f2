"""Which bridge, interface or libvirt network of a host a NIC plugs into."""

from vmfit.v1.hypervisor_pb2 import VirtualNetwork
from vmfit.v1.network_pb2 import Network, NetworkInterface
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Nic, Vm
from vmfit_comparator.knowledge.connections import connection_for

_TAPS = ("tap", "tun", "macvtap")


def interface(name: str, network: Network) -> NetworkInterface | None:
    """Return a host's interface by name; None without one."""
    return next((each for each in network.interfaces if each.name == name), None)


def named_nics(vm: Vm) -> list[tuple[str, Nic]]:
    """Return the VM's NICs, each called by its MAC, or by its place where it has none."""
    return [(nic.mac or f"NIC {number}", nic) for number, nic in enumerate(vm.nics)]


def virtual_network(name: str, vm: Vm, snapshot: Snapshot) -> VirtualNetwork | None:
    """Return the libvirt network of this name on the connection that would run the VM."""
    connection = connection_for(vm, snapshot)
    for each in snapshot.libvirt_objects.networks:
        if each.name == name and (connection is None or each.uri == connection.uri):
            return each
    return None


def link_name(nic: Nic, vm: Vm, snapshot: Snapshot) -> str:
    """Return the bridge or host interface that a NIC plugs into on a host; empty if none."""
    if nic.type == "network":
        found = virtual_network(nic.network, vm, snapshot)
        if found is None:
            return ""
        if found.bridge:
            return found.bridge
        return next(iter(found.forward_interfaces), "")
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
    found = interface(name, network)
    if found is None or not found.mtu_bytes:
        return None
    return min([found.mtu_bytes, *(each.mtu_bytes for each in uplinks(found, network))])
