"""Network interfaces, Open vSwitch bridges, listening ports and routes."""

from collections.abc import Iterable, Mapping
from socket import IPPROTO_TCP, IPPROTO_UDP

from vmfit.v1.network_pb2 import ListeningPort, Network, NetworkInterface, OvsBridge, Route
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import exists, read_text
from vmfit_agent.kernel_files.sysfs import entry_names
from vmfit_agent.networking.interface_addresses import interface_addresses
from vmfit_agent.networking.listening_sockets import listening_sockets
from vmfit_agent.networking.network_interface import describe_interface
from vmfit_agent.networking.ovsdb import read_bridges_from_file, read_bridges_from_socket
from vmfit_agent.networking.proc_net import (
    parse_ipv6_routes,
    parse_listening,
    parse_routes,
    parse_vlans,
)

_OVS_SOCKETS = ("run/openvswitch/db.sock", "var/run/openvswitch/db.sock")
_OVS_FILES = ("etc/openvswitch/conf.db", "var/lib/openvswitch/conf.db")
_ATTRIBUTES = (
    "address",
    "bonding/active_slave",
    "bonding/mode",
    "bonding/slaves",
    "bridge/stp_state",
    "bridge/vlan_filtering",
    "brif/*",
    "carrier",
    "device",
    "device/driver",
    "device/sriov_numvfs",
    "device/sriov_totalvfs",
    "device/virtfn*",
    "flags",
    "ifindex",
    "iflink",
    "lower_*",
    "macvtap/*/dev",
    "master",
    "mtu",
    "operstate",
    "speed",
    "tun_flags",
    "type",
    "uevent",
)
FILES = (
    *(f"sys/class/net/*/{attribute}" for attribute in _ATTRIBUTES),
    *(
        f"proc/net/{table}"
        for table in ("tcp", "tcp6", "udp", "udp6", "route", "ipv6_route", "vlan/config")
    ),
    *_OVS_FILES,
)
# The datapath's own interface, a port of nothing.
_OVS_DATAPATH = "ovs-system"


def collect(host: Host) -> Network:
    """Return the interfaces of the agent's network namespace, sorted by name, and what uses them.

    A recording has no addresses: no file lists them.
    Raises OSError when sysfs cannot be read, ValueError when a table is malformed.
    Source: Documentation/ABI/testing/sysfs-class-net, /proc/net, ovsdb-server(7).
    """
    ovs = _ovs_bridges(host)
    addresses = _addresses(host)
    vlans = parse_vlans(_table(host, "vlan/config"))
    base = f"{host.root}/sys/class/net"
    interfaces = [
        describe_interface(
            f"{base}/{name}",
            name,
            addresses=addresses.get(name, ()),
            vlan_id=vlans.get(name),
            live=host.is_live,
        )
        for name in entry_names(base)
        if name != "bonding_masters"
    ]
    _mark_ovs(interfaces, ovs or ())
    return Network(
        interfaces=interfaces,
        ovs_bridges=ovs,
        ovs_present=ovs is not None,
        listening_ports=_listening(host, "tcp", IPPROTO_TCP),
        udp_ports=_listening(host, "udp", IPPROTO_UDP),
        routes=_routes(host),
    )


def _table(host: Host, name: str) -> str:
    return read_text(host, f"proc/net/{name}") or ""


def _addresses(host: Host) -> Mapping[str, list[str]]:
    return interface_addresses() if host.is_live else {}


def _listening(host: Host, name: str, protocol: int) -> list[ListeningPort]:
    found = _live_listening(protocol) if host.is_live else None
    if found is None:
        tables = (_table(host, each) for each in (name, f"{name}6"))
        found = {each for table in tables for each in parse_listening(table, name)}
    ordered = sorted(found, key=lambda each: (each[1], each[0]))
    return [ListeningPort(address=address, port=port) for address, port in ordered]


def _live_listening(protocol: int) -> set[tuple[str, int]] | None:
    try:
        return listening_sockets(protocol)
    except OSError:
        return None  # the kernel was built without it; the tables say the same


def _routes(host: Host) -> list[Route]:
    found = [
        *parse_routes(_table(host, "route")),
        *parse_ipv6_routes(_table(host, "ipv6_route")),
    ]
    return [
        Route(destination=each.destination, gateway=each.gateway, interface=each.interface)
        for each in dict.fromkeys(found)
    ]


def _mark_ovs(interfaces: Iterable[NetworkInterface], bridges: Iterable[OvsBridge]) -> None:
    # A bridge has an internal interface of its own name; sysfs does not tell it from others.
    names = {_OVS_DATAPATH, *(bridge.name for bridge in bridges)}
    for interface in interfaces:
        if interface.name in names and interface.type in ("virtual", "veth"):
            interface.type = "openvswitch"


def _ovs_bridges(host: Host) -> list[OvsBridge] | None:
    """Return the bridges, none for an empty database; None where Open vSwitch does not run."""
    database = next((path for path in _OVS_FILES if exists(host, path)), None)
    if not host.is_live:
        return _from_file(host, database) if database is not None else None
    socket = next((path for path in _OVS_SOCKETS if exists(host, path)), None)
    if socket is None:
        return None
    try:
        return _messages(read_bridges_from_socket(f"{host.root}/{socket}"))
    except (OSError, ValueError) as error:
        host.warn(f"/{socket}: {error}")
    return _from_file(host, database) if database is not None else []


def _from_file(host: Host, path: str) -> list[OvsBridge]:
    text = read_text(host, path)
    try:
        return _messages(read_bridges_from_file(text or ""))
    except ValueError as error:
        host.warn(f"/{path}: {error}")
        return []


def _messages(bridges: Mapping[str, list[str]]) -> list[OvsBridge]:
    return [OvsBridge(name=name, ports=ports) for name, ports in sorted(bridges.items())]
