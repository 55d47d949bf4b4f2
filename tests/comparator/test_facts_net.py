"""What NICs plug into, and the way that the migration's data takes."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality
from vmfit_comparator.facts import net, net_migration

INTERFACES = "destination.network.interfaces"
BR0 = f"{INTERFACES}[2]"
ONLY_LO = {INTERFACES: [{"name": "lo", "type": "loopback"}]}
LAN = {
    "uri": "qemu:///system",
    "name": "lan",
    "active": True,
    "forwardMode": "bridge",
    "bridge": "br0",
}
NETWORKS = "libvirt_objects.networks"
ON_LAN = {
    "vm.nics[0].type": "network",
    "vm.nics[0].network": "lan",
    f"hosts.{NETWORKS}": [LAN],
}
MACVTAP = {"vm.nics[0].type": "direct", "vm.nics[0].host_interface": "eth0"}
OVS = {"vm.nics[0].virtual_port_type": "openvswitch"}

BRIDGES = [
    ("there", {}, "YES"),
    ("missing", ONLY_LO, "NO"),
    ("no bridge", {f"{BR0}.bridge": None, f"{BR0}.type": "dummy"}, "NO"),
    ("down", {f"{BR0}.up": False}, "YES"),
    ("Open vSwitch", {**OVS, "destination.network.ovs_bridges": [{"name": "br0"}]}, "YES"),
    ("no Open vSwitch", OVS, "NO"),
    ("Open vSwitch cannot be read", {**OVS, "destination.network.ovs_present": True}, "NO_IDEA"),
    ("Open vSwitch by surprise", {"destination.network.ovs_bridges": [{"name": "br0"}]}, "NO"),
    ("macvtap", MACVTAP, "YES"),
    ("macvtap, no parent", {**MACVTAP, **ONLY_LO}, "NO"),
    ("macvtap, parent down", {**MACVTAP, f"{INTERFACES}[1].up": False}, "PROBABLY_YES"),
    ("a network's bridge", ON_LAN, "YES"),
    ("a network's bridge is missing", {**ON_LAN, **ONLY_LO}, "NO"),
    ("a network is net.network's", {**ON_LAN, f"destination.{NETWORKS}": [], **ONLY_LO}, "YES"),
    (
        "a network's macvtap parents",
        {
            **ON_LAN,
            f"destination.{NETWORKS}": [
                {**LAN, "bridge": None, "forwardInterfaces": ["eth9", "eth0"]}
            ],
        },
        "YES",
    ),
    ("user", {"vm.nics[0].type": "user", **ONLY_LO}, "YES"),
    ("not collected", {"destination.network": None}, "NO_IDEA"),
]

NETWORK = [
    ("active", ON_LAN, "YES"),
    ("missing", {**ON_LAN, f"destination.{NETWORKS}": []}, "NO"),
    ("of another connection", {**ON_LAN, f"destination.{NETWORKS}": [{**LAN, "uri": "x"}]}, "NO"),
    ("inactive", {**ON_LAN, f"destination.{NETWORKS}": [{**LAN, "active": False}]}, "NO"),
    ("without the port group", {**ON_LAN, "vm.nics[0].port_group": "blue"}, "YES"),
    ("no network", {}, "YES"),
    ("not collected", {**ON_LAN, "destination.libvirt_objects": None}, "NO_IDEA"),
]

JUMBO = {
    "source.network.interfaces[1].mtu_bytes": 9000,
    "source.network.interfaces[2].mtu_bytes": 9000,
}
MTUS = [
    ("equal", {}, "YES"),
    ("the source carries more", JUMBO, "PROBABLY_YES"),
    ("the guest was told more", {"vm.nics[0].mtu_bytes": 9000}, "PROBABLY_YES"),
    ("the guest was told less", {"vm.nics[0].mtu_bytes": 1400, **JUMBO}, "YES"),
    (
        "the uplink carries less",
        {**JUMBO, f"{BR0}.mtu_bytes": 9000},
        "PROBABLY_YES",
    ),
    ("no bridge to compare", ONLY_LO, "YES"),
    ("not collected", {"destination.network": None}, "NO_IDEA"),
]

FILTER = {"vm.nics[0].filter": "clean-traffic"}
FILTERS = [
    ("none", {}, "YES"),
    ("missing", FILTER, "NO"),
    (
        "there",
        {
            **FILTER,
            "destination.libvirt_objects.network_filters": [
                {"uri": "qemu:///system", "name": "clean-traffic"}
            ],
        },
        "YES",
    ),
    ("not collected", {**FILTER, "destination.libvirt_objects": None}, "NO_IDEA"),
]

NAME = "destination.hypervisor.connections[0].hostname"
ADDRESSES = "destination.identity.hostname_addresses"
RESOLVER = "the host's resolver has no answer for 'beta'"
NAMES = [
    ("in a common network", {}, "YES"),
    ("localhost", {NAME: "localhost.localdomain"}, "NO"),
    (
        "localhost, but a URI",
        {NAME: "localhost", "options.migration_uri": "tcp://192.0.2.2"},
        "YES",
    ),
    ("localhost, but a tunnel", {NAME: "localhost", "options.tunnelled": True}, "YES"),
    (
        "localhost, but qemu.conf knows better",
        {
            NAME: "localhost",
            "destination.security.qemu_conf": {"migration_host": "beta.example.net"},
        },
        "YES",
    ),
    ("the source's name", {NAME: "alpha.example.net"}, "NO"),
    ("the source's address", {ADDRESSES: ["192.0.2.1"]}, "PROBABLY_NO"),
    (
        "no answer of the resolver",
        {
            ADDRESSES: [],
            "destination.parts": [
                {"name": "identity", "collectedAt": "2023-11-14T22:13:20Z", "warnings": [RESOLVER]}
            ],
        },
        "PROBABLY_NO",
    ),
    ("nobody asked", {ADDRESSES: []}, "PROBABLY_YES"),
    ("the source has no resolver", {"source.identity.resolver_read": True}, "PROBABLY_NO"),
    (
        "the source has the name in /etc/hosts",
        {
            "source.identity.resolver_read": True,
            "source.identity.static_host_names": ["beta.example.net"],
        },
        "YES",
    ),
    (
        "the source has a name server",
        {"source.identity.resolver_read": True, "source.identity.name_servers": ["192.0.2.53"]},
        "YES",
    ),
    ("elsewhere", {ADDRESSES: ["198.51.100.7"]}, "PROBABLY_YES"),
    ("loopback, as Debian does", {ADDRESSES: ["127.0.1.1"]}, "PROBABLY_YES"),
    ("not collected", {"destination.identity": None}, "NO_IDEA"),
]

LISTENING = "destination.network.listening_ports"
PORTS = [
    ("free", {}, "YES"),
    ("some in use", {LISTENING: [{"address": "0.0.0.0", "port": 49152}]}, "YES"),
    ("all in use", {LISTENING: [{"port": port} for port in range(49152, 49216)]}, "NO"),
    (
        "a range of its own, in use",
        {
            LISTENING: [{"port": 5000}],
            "destination.security.qemu_conf": {
                "migration_port_min": "5000",
                "migration_port_max": "5000",
            },
        },
        "NO",
    ),
    (
        "a named port in use",
        {LISTENING: [{"port": 4444}], "options.migration_uri": "tcp://192.0.2.2:4444"},
        "NO",
    ),
    ("a named port free", {"options.migration_uri": "tcp://192.0.2.2:4444"}, "YES"),
    ("the disks' port in use", {LISTENING: [{"port": 10809}], "options.disks_port": 10809}, "NO"),
    ("tunnelled", {"options.tunnelled": True}, "YES"),
    ("not collected", {"destination.network": None}, "NO_IDEA"),
]

PATHS = [
    ("a common network", {}, "YES"),
    ("a slow one", {"source.network.interfaces[2].speed_bits_per_second": 100_000_000}, "YES"),
    (
        "behind a router",
        {
            ADDRESSES: ["198.51.100.7"],
            "source.network.routes": [{"destination": "0.0.0.0/0", "interface": "br0"}],
        },
        "PROBABLY_YES",
    ),
    ("nowhere", {ADDRESSES: ["198.51.100.7"]}, "PROBABLY_NO"),
    ("address of the URI", {"options.migration_uri": "tcp://198.51.100.7"}, "PROBABLY_NO"),
    ("address not known", {ADDRESSES: []}, "NO_IDEA"),
    ("tunnelled", {"options.tunnelled": True, ADDRESSES: []}, "YES"),
    ("not collected", {"source.network": None}, "NO_IDEA"),
]

TABLES = {
    net.bridge: BRIDGES,
    net.network: NETWORK,
    net.mtu: MTUS,
    net.network_filter: FILTERS,
    net_migration.host_name: NAMES,
    net_migration.ports: PORTS,
    net_migration.migration_path: PATHS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


@pytest.mark.parametrize(
    ("fact", "changes", "word"),
    [
        (net.bridge, {f"{BR0}.up": False}, "down"),
        (net.bridge, {f"{BR0}.bridge.ports": [], f"{INTERFACES}[1].master": None}, "uplink"),
        (
            net.bridge,
            {**ON_LAN, "source.libvirt_objects.networks": [{**LAN, "bridge": "eth0"}]},
            "another bridge",
        ),
        (net.network, {**ON_LAN, "vm.nics[0].port_group": "blue"}, "port group blue"),
        (net.mtu, JUMBO, "larger frames are lost"),
        (
            net_migration.migration_path,
            {"source.network.interfaces[2].speed_bits_per_second": 100_000_000},
            "100 Mbit/s",
        ),
    ],
)
def test_what_works_with_a_loss_says_so(fact, changes, word):
    found = finding(fact, migration(changes))
    assert found.quality == Quality.QUALITY_REDUCED
    assert word in found.reason


@pytest.mark.parametrize(
    ("fact", "changes", "kind"),
    [
        (net.bridge, ONLY_LO, "create_bridge"),
        (net.network, {**ON_LAN, f"destination.{NETWORKS}": []}, "start_network"),
        (net.mtu, JUMBO, "set_mtu"),
        (net_migration.host_name, {NAME: "localhost"}, "change_migration_option"),
    ],
)
def test_remedies(fact, changes, kind):
    assert remedy_kinds(finding(fact, migration(changes))) == [kind]
