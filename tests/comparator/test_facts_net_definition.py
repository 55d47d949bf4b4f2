"""What the definition of a NIC asks of the destination: tap names, VLAN tags, sockets."""

import pytest

from tests.comparator.builders import answer, finding
from tests.comparator.tables import case_of, cases

INTERFACES = "destination.network.interfaces"
VERSION = "destination.hypervisor.connections[0].libvirt_version"
NETWORKS = "destination.libvirt_objects.networks"


def named(name="web-tap", **fields):
    return {f"vm.nics[0].{field}": value for field, value in {"host_tap": name, **fields}.items()}


def there(kind, name="web-tap", **fields):
    loopback = {"name": "lo", "type": "loopback"}
    return {INTERFACES: [loopback, {"name": name, "type": kind, **fields}]}


OWN = {"type": "ethernet", "tap_managed": False}
TAPS = [
    ("libvirt's own name", named("vnet3"), "YES"),
    ("free", named(), "YES"),
    ("a tap", {**named(), **there("tap"), VERSION: 9_005_000}, "NO"),
    ("a tap, to be made", {**named(type="ethernet"), **there("tap"), VERSION: 9_005_000}, "NO"),
    ("a tap, old libvirt", {**named(), **there("tap"), VERSION: 9_004_000}, "PROBABLY_YES"),
    ("a tap in use, old libvirt", {**named(), **there("tap", carrier=True)}, "PROBABLY_NO"),
    ("a tap, libvirt not known", {**named(), **there("tap"), VERSION: 0}, "PROBABLY_NO"),
    ("another kind", {**named(), **there("veth")}, "NO"),
    ("a macvtap parent's", {**named(type="direct"), **there("veth")}, "YES"),
    ("to be there, missing", named(**OWN), "NO"),
    ("to be there, and is", {**named(**OWN), **there("tap")}, "YES"),
    ("to be made, missing", named(type="ethernet"), "YES"),
    ("not collected", {**named(), "destination.network": None}, "NO_IDEA"),
]
TAGGED = {"vm.nics[0].vlan_ids": [42], VERSION: 9_000_000}
LAN = {"uri": "qemu:///system", "name": "lan", "active": True, "bridge": "br0"}
ON_LAN = {"vm.nics[0].type": "network", "vm.nics[0].network": "lan", NETWORKS: [LAN]}
TAGS = [
    ("bridge", TAGGED, "NO"),
    ("bridge, new libvirt", {**TAGGED, VERSION: 11_000_000}, "YES"),
    ("bridge, libvirt not known", {**TAGGED, VERSION: None}, "NO_IDEA"),
    ("Open vSwitch", {**TAGGED, "vm.nics[0].virtual_port_type": "openvswitch"}, "YES"),
    ("a network's bridge", {**TAGGED, **ON_LAN}, "NO"),
    ("a network of Open vSwitch",
     {**TAGGED, **ON_LAN, NETWORKS: [{**LAN, "virtualPortType": "openvswitch"}]}, "YES"),
    ("a network that is missing", {**TAGGED, **ON_LAN, NETWORKS: []}, "NO_IDEA"),
    ("ethernet, new libvirt",
     {**TAGGED, VERSION: 11_000_000, "vm.nics[0].type": "ethernet"}, "NO"),
    ("SR-IOV", {**TAGGED, "vm.nics[0].type": "hostdev"}, "YES"),
    ("no tags", {VERSION: 9_000_000}, "YES"),
    ("libvirt is not known", {**TAGGED, "destination.hypervisor": None}, "NO_IDEA"),
]  # fmt: skip
SOCKET = {"vm.nics[0].type": "server", "vm.nics[0].socket_port": 5558}
USED = {"destination.network.listening_ports": [{"address": "0.0.0.0", "port": 5558}]}
ELSEWHERE = {"vm.nics[0].socket_host": "203.0.113.77"}
UDP = {
    "vm.nics[0].type": "udp",
    "vm.nics[0].socket_host": "203.0.113.9",
    "vm.nics[0].socket_port": 5559,
    "vm.nics[0].local_host": "0.0.0.0",
    "vm.nics[0].local_port": 5559,
}
UDP_USED = {"destination.network.udp_ports": [{"address": "127.0.0.1", "port": 5559}]}
SOCKETS = [
    ("server", SOCKET, "YES"),
    ("server, port in use", {**SOCKET, **USED}, "NO"),
    ("server, no such address", {**SOCKET, **ELSEWHERE}, "NO"),
    ("client", {**SOCKET, "vm.nics[0].type": "client", **USED}, "PROBABLY_YES"),
    ("UDP", UDP, "YES"),
    ("UDP, port in use", {**UDP, **UDP_USED}, "PROBABLY_NO"),
    ("UDP, the peer's port in use", {**UDP, **UDP_USED, "vm.nics[0].local_port": 5560}, "YES"),
    ("UDP, TCP port in use", {**UDP, **USED, "vm.nics[0].local_port": 5558}, "YES"),
    ("UDP, no such address", {**UDP, "vm.nics[0].local_host": "203.0.113.77"}, "NO"),
    ("multicast", {**SOCKET, "vm.nics[0].type": "mcast", **USED}, "YES"),
    ("none", USED, "YES"),
    ("not collected", {**SOCKET, "destination.network": None}, "NO_IDEA"),
]
SCRIPT = {"path": "/etc/up", "exists": True, "mode": 0o755, "sha256": "a"}
UP = {"vm.nics[0].type": "ethernet", "vm.nics[0].script": SCRIPT}
SCRIPTS = [
    ("the same", UP, "YES"),
    ("another", {**UP, "incoming.nics[0].script.sha256": "b"}, "PROBABLY_YES"),
    ("not read", {**UP, "vm.nics[0].script.sha256": None}, "PROBABLY_YES"),
    ("missing", {**UP, "incoming.nics[0].script.exists": False}, "NO"),
    ("not executable", {**UP, "incoming.nics[0].script.mode": 0o644}, "NO"),
    ("nobody looked", {**UP, "incoming.nics[0].script.exists": None}, "NO_IDEA"),
    ("of a bridge's NIC", {**UP, "vm.nics[0].type": "bridge"}, "YES"),
]
TABLES = {
    "net.scripts": SCRIPTS,
    "net.tap_name": TAPS,
    "net.vlan_tags": TAGS,
    "net.sockets": SOCKETS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason
