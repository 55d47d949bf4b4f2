"""Interfaces, routes, listening ports of recorded hosts; a few of this one."""

import json
import shutil
import socket
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.device_tree import make_host
from vmfit_agent.collectors.network import collect
from vmfit_agent.host import Host
from vmfit_agent.networking import interface_addresses as interface_addresses_module
from vmfit_agent.networking.interface_addresses import interface_addresses
from vmfit_agent.networking.listening_sockets import listening_sockets
from vmfit_agent.networking.proc_net import (
    RouteEntry,
    parse_ipv6_routes,
    parse_listening,
    parse_routes,
    parse_vlans,
)

TCP = """  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 00000000:C000 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   2: 0100007F:0CEA 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0
"""
UDP = """  sl  local_address rem_address   st tx_queue rx_queue
  12: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0
  14: 0100007F:8000 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0
"""
TCP6 = """  sl  local_address remote_address st
   0: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 0
   2: 0000000000000000FFFF00000100007F:4567 00000000000000000000000000000000:0000 0A 0
   1: 00000000000000000000000000000000:C000 00000000000000000000000000000000:0000 0A 0
"""
ROUTE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
br0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
br0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
br0\t000300C0\t00000000\t0201\t0\t0\t100\t00FFFFFF\t0\t0\t0
br0\t000400C0\t00000000\t0000\t0\t0\t100\t00FFFFFF\t0\t0\t0
"""
ZEROS = "0" * 32
IPV6_ROUTE = (
    f"20010db8000000000000000000000000 40 {ZEROS} 00 {ZEROS} 0 1 0 00000001 br0\n"
    f"{ZEROS} 00 {ZEROS} 00 20010db8000000000000000000000001 0 1 0 00000003 br0\n"
    f"fe800000000000000000000000000000 40 {ZEROS} 00 {ZEROS} 0 1 0 00000001 br0\n"
    f"ff000000000000000000000000000000 08 {ZEROS} 00 {ZEROS} 0 1 0 00000001 br0\n"
    f"20010db8000000000000000000000002 80 {ZEROS} 00 {ZEROS} 0 1 0 80200001 br0\n"
    f"{ZEROS} 00 {ZEROS} 00 {ZEROS} 0 1 0 00200200 lo\n"
)


def interface(name: str, **attributes: str) -> dict[str, str]:
    base = f"sys/class/net/{name}"
    defaults = {"mtu": "1500", "flags": "0x1003", "address": "02:00:00:00:00:01", "type": "1"}
    defaults |= {"operstate": "up", "ifindex": "2", "iflink": "2", "uevent": "INTERFACE=x"}
    named = {key.replace("__", "/"): value for key, value in attributes.items()}
    return {f"{base}/{key}": value for key, value in (defaults | named).items()}


def interfaces_of(tmp_path, *trees, **files):
    merged = {key: value for tree in trees for key, value in tree.items()}
    part = collect(make_host(tmp_path, merged | files))
    return {each.name: each for each in part.interfaces}


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"type": "772"}, "loopback"),
        ({"uevent": "DEVTYPE=bridge\nINTERFACE=x"}, "bridge"),
        ({"bridge__stp_state": "0"}, "bridge"),
        ({"uevent": "DEVTYPE=bond"}, "bond"),
        ({"bonding__mode": "802.3ad 4"}, "bond"),
        ({"uevent": "DEVTYPE=vlan", "iflink": "3"}, "vlan"),
        ({"uevent": "DEVTYPE=macvtap", "iflink": "3"}, "macvtap"),
        ({"uevent": "DEVTYPE=macvlan", "iflink": "3"}, "macvlan"),
        ({"uevent": "DEVTYPE=vxlan"}, "vxlan"),
        ({"uevent": "DEVTYPE=geneve"}, "virtual"),
        ({"macvtap__tap4__dev": "254:1", "iflink": "3", "lower_eth0": "-> ../eth0"}, "macvtap"),
        ({"tun_flags": "0x1002"}, "tap"),
        ({"tun_flags": "0x1001"}, "tun"),
        ({"iflink": "9"}, "veth"),
        ({"iflink": "9", "lower_eth0": "-> ../eth0"}, "virtual"),
        ({"iflink": "0"}, "virtual"),
        ({}, "virtual"),
        ({"device": "-> ../../../0000:01:00.0", "uevent": "DEVTYPE=wlan"}, "physical"),
    ],
)
def test_kinds_of_interfaces(tmp_path, attributes, kind):
    assert interfaces_of(tmp_path, interface("x", **attributes))["x"].type == kind


def test_a_physical_function_with_virtual_ones(tmp_path):
    device = "sys/devices/pci0000:00/0000:3b:00.0"
    found = interfaces_of(
        tmp_path,
        interface(
            "eth0",
            device="-> ../../../devices/pci0000:00/0000:3b:00.0",
            carrier="1",
            speed="25000",
            master="-> ../br0",
        ),
        {
            f"{device}/driver": "-> ../../../bus/pci/drivers/mlx5_core",
            f"{device}/sriov_totalvfs": "8",
            f"{device}/sriov_numvfs": "11",
            **{f"{device}/virtfn{index}": f"-> ../0000:3b:01.{index % 8}" for index in (10, 2, 0)},
        },
        interface("br0", bridge__stp_state="1", brif__eth0="-> x", brif__vnet0="-> x", mtu="9000"),
        interface("down", flags="0x1002", operstate="down", speed="-1"),
        interface("broken", speed="9" * 30),
        {"sys/class/net/bonding_masters": ""},
    )
    eth0 = found["eth0"]
    assert (eth0.driver, eth0.pci_address, eth0.master) == ("mlx5_core", "0000:3b:00.0", "br0")
    assert (eth0.up, eth0.carrier, eth0.speed_bits_per_second) == (True, True, 25_000_000_000)
    assert (eth0.sriov.total_count, eth0.sriov.enabled_count) == (8, 11)
    assert list(eth0.sriov.function_addresses) == ["0000:3b:01.0", "0000:3b:01.2", "0000:3b:01.2"]
    assert list(found["br0"].bridge.ports) == ["eth0", "vnet0"]
    assert found["br0"].bridge.stp
    assert not found["br0"].bridge.HasField("vlan_filtering")
    assert found["br0"].mtu_bytes == 9000
    assert not found["down"].up
    assert not found["down"].HasField("carrier")
    assert not found["down"].HasField("speed_bits_per_second")
    assert not found["broken"].HasField("speed_bits_per_second")
    assert "bonding_masters" not in found


def test_an_interface_without_a_readable_name_costs_itself_only(tmp_path):
    found = interfaces_of(
        tmp_path, interface("eth0", master="-> ../br\udcfe"), interface("\udcff", mtu="1")
    )
    assert list(found) == ["eth0"]
    assert not found["eth0"].HasField("master")


def test_a_virtio_interface_is_found_on_its_pci_device(tmp_path):
    found = interfaces_of(
        tmp_path,
        interface("eth0", device="-> ../../../devices/pci0000:00/0000:00:03.0/virtio1"),
        {"sys/devices/pci0000:00/0000:00:03.0/virtio1/driver": "-> ../virtio_net"},
    )
    assert (found["eth0"].pci_address, found["eth0"].driver) == ("0000:00:03.0", "virtio_net")


def test_bonds_and_vlans(tmp_path):
    config = "VLAN Dev name\t | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW\nbond0.7  | 7  | bond0\n"
    found = interfaces_of(
        tmp_path,
        interface(
            "bond0",
            bonding__mode="active-backup 1",
            bonding__slaves="eth1 eth0",
            bonding__active_slave="eth1",
        ),
        interface("bond0.7", uevent="DEVTYPE=vlan", lower_bond0="-> ../bond0"),
        {"proc/net/vlan/config": config},
    )
    bond = found["bond0"].bond
    assert (bond.mode, list(bond.slaves), bond.active_slave) == (
        "active-backup",
        ["eth0", "eth1"],
        "eth1",
    )
    assert (found["bond0.7"].vlan_id, found["bond0.7"].lower) == (7, "bond0")
    assert not found["bond0"].HasField("vlan_id")


def test_tables(tmp_path):
    tables = {"udp": UDP, "tcp": TCP, "tcp6": TCP6, "route": ROUTE, "ipv6_route": IPV6_ROUTE}
    part = collect(make_host(tmp_path, {f"proc/net/{k}": v for k, v in tables.items()}))
    assert [(each.address, each.port) for each in part.listening_ports] == [
        ("2001:db8::1", 22),
        ("127.0.0.1", 3306),
        ("127.0.0.1", 0x4567),
        ("0.0.0.0", 49152),
        ("::", 49152),
    ]
    assert [(each.address, each.port) for each in part.udp_ports] == [("0.0.0.0", 53)]
    assert [(each.destination, each.gateway, each.interface) for each in part.routes] == [
        ("0.0.0.0/0", "192.0.2.1", "br0"),
        ("192.0.2.0/24", "", "br0"),
        ("2001:db8::/64", "", "br0"),
        ("::/0", "2001:db8::1", "br0"),
    ]
    assert not part.routes[1].HasField("gateway")
    assert not part.ovs_present


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_listening, "header\n0: zz:1 0:0 0A\n"),
        (parse_listening, "header\nx\n"),
        (parse_routes, "header\nbr0 0 0\n"),
        (parse_ipv6_routes, "short\n"),
    ],
)
def test_malformed_tables_are_quoted(parse, text):
    with pytest.raises(ValueError, match=r"/proc/net/\w+: not a "):
        list(parse(text))


@given(st.sampled_from([parse_listening, parse_routes, parse_ipv6_routes]), st.text())
def test_any_text_gives_rows_or_a_clear_error(parse, text):
    try:
        rows = list(parse(text))
    except ValueError as error:
        rows = []
        assert str(error).startswith("/proc/net/")  # noqa: PT017 -- either is right
    assert all(isinstance(row, (tuple, RouteEntry)) for row in rows)


@given(st.ip_addresses(v=4), st.integers(0, 65535))
def test_listening_addresses_read_as_written(address, port):
    digits = address.packed[::-1].hex().upper()
    text = f"header\n 0: {digits}:{port:04X} 00000000:0000 0A 0\n"
    assert list(parse_listening(text)) == [(str(address), port)]


def test_a_udp_socket_listens_until_it_is_connected():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        place = receiver.getsockname()
        assert place in listening_sockets(socket.IPPROTO_UDP)
        assert place not in listening_sockets()
        assert place in [(each.address, each.port) for each in collect(Host()).udp_ports]
        receiver.connect(place)
        assert place not in listening_sockets(socket.IPPROTO_UDP)


def test_parse_vlans_without_a_table():
    assert parse_vlans("") == {}


def test_a_socket_that_listens_is_seen():
    with socket.socket(socket.AF_INET6) as six, socket.socket() as four:
        for each, address in ((six, "::1"), (four, "127.0.0.1")):
            each.bind((address, 0))
            each.listen()
        expected = {("::1", six.getsockname()[1]), ("127.0.0.1", four.getsockname()[1])}
        assert expected <= listening_sockets()
        part = collect(Host())
    assert expected <= {(each.address, each.port) for each in part.listening_ports}
    assert not expected & listening_sockets(socket.IPPROTO_UDP)
    loopback = next(each for each in part.interfaces if each.name == "lo")
    assert loopback.type == "loopback"
    assert "127.0.0.1/8" in loopback.addresses


def test_addresses_of_this_host_are_those_of_the_kernels_tool():
    found = interface_addresses()
    assert found.get("lo", ["127.0.0.1/8"])[0] == "127.0.0.1/8"
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is not installed")
    shown = json.loads(subprocess.run(["ip", "-j", "addr"], capture_output=True, check=True).stdout)
    expected = {
        each["ifname"]: {f"{a['local']}/{a['prefixlen']}" for a in each["addr_info"]}
        for each in shown
        if each["addr_info"]
    }
    assert {name: set(addresses) for name, addresses in found.items()} == expected


def message(family, prefix_length, *attributes):
    body = struct.pack("=BBBBI", family, prefix_length, 0, 0, 1)
    for kind, value in attributes:
        body += struct.pack("=HH", len(value) + 4, kind) + value.ljust(
            -(-len(value) // 4) * 4, b"\0"
        )
    return body


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            message(socket.AF_INET, 24, (1, bytes([192, 0, 2, 1])), (2, bytes([192, 0, 2, 1]))),
            ["192.0.2.1/24"],
        ),
        # Of a point-to-point link the first is the far end, the second the host's own.
        (
            message(socket.AF_INET, 32, (1, bytes([192, 0, 2, 9])), (2, bytes([192, 0, 2, 1]))),
            ["192.0.2.1/32"],
        ),
        (message(socket.AF_INET6, 64, (1, bytes(15) + b"\1")), ["::1/64"]),
        (message(socket.AF_INET, 8), []),
        (message(socket.AF_PACKET, 8, (1, bytes(6))), []),
        (message(socket.AF_INET, 8) + b"\0\0\1\0", []),
    ],
)
def test_an_answer_of_the_kernel(monkeypatch, answer, expected):
    monkeypatch.setattr(interface_addresses_module, "dump", lambda *_: iter([answer]))
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo")])
    assert interface_addresses().get("lo", []) == expected
