"""What NICs plug into, and the way that the migration's data takes."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality

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
PORT = {"vm.nics[0].type": "direct", "vm.nics[0].host_interface": "eth0"}
MACVTAP = {**PORT, f"{INTERFACES}[1].master": None}
PASSTHROUGH = {**PORT, "vm.nics[0].direct_mode": "passthrough"}
BESIDE = {
    INTERFACES: [
        {"name": "eth0", "type": "physical", "up": True, "mac": "52:54:00:00:00:0a"},
        {"name": "macvtap3", "type": "macvtap", "lower": "eth0", "mac": "52:54:00:00:00:0b"},
    ]
}
OVS = {"vm.nics[0].virtual_port_type": "openvswitch"}

CUT_OFF = {f"{BR0}.bridge.ports": [], f"{INTERFACES}[1].master": None}
CUT_OFF_HERE = {each.replace("destination.", "source."): value for each, value in CUT_OFF.items()}
BRIDGES = [
    ("there", {}, "YES"),
    ("missing", ONLY_LO, "NO"),
    ("no bridge", {f"{BR0}.bridge": None, f"{BR0}.type": "dummy"}, "NO"),
    ("down", {f"{BR0}.up": False}, "PROBABLY_NO"),
    ("no uplink", CUT_OFF, "PROBABLY_NO"),
    ("no uplink on either host", {**CUT_OFF, **CUT_OFF_HERE}, "YES"),
    ("down, and no uplink on the source", {**CUT_OFF_HERE, f"{BR0}.up": False}, "YES"),
    ("Open vSwitch", {**OVS, "destination.network.ovs_bridges": [{"name": "br0"}]}, "YES"),
    ("no Open vSwitch", OVS, "NO"),
    ("Open vSwitch cannot be read", {**OVS, "destination.network.ovs_present": True}, "NO_IDEA"),
    ("Open vSwitch by surprise", {"destination.network.ovs_bridges": [{"name": "br0"}]}, "NO"),
    ("macvtap", MACVTAP, "YES"),
    ("macvtap, no parent", {**PORT, **ONLY_LO}, "NO"),
    ("macvtap, parent is a bridge's port", PORT, "NO"),
    ("macvtap, parent in a VRF", {**PORT, f"{BR0}.type": "vrf"}, "YES"),
    ("macvtap in passthrough mode beside another", {**PASSTHROUGH, **BESIDE}, "NO"),
    (
        "macvtap beside one in passthrough mode",
        {**PORT, **BESIDE, f"{INTERFACES}[1].mac": "52:54:00:00:00:0a"},
        "NO",
    ),
    ("macvtap beside another", {**PORT, **BESIDE}, "YES"),
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
            f"{INTERFACES}[1].master": None,
        },
        "YES",
    ),
    ("user", {"vm.nics[0].type": "user", **ONLY_LO}, "YES"),
    ("not collected", {"destination.network": None}, "NO_IDEA"),
]

ISOLATED = {**ON_LAN, f"source.{NETWORKS}": [{**LAN, "forwardMode": "nat"}]}
NETWORK = [
    ("active", ON_LAN, "YES"),
    ("missing", {**ON_LAN, f"destination.{NETWORKS}": []}, "NO"),
    ("of another connection", {**ON_LAN, f"destination.{NETWORKS}": [{**LAN, "uri": "x"}]}, "NO"),
    ("inactive", {**ON_LAN, f"destination.{NETWORKS}": [{**LAN, "active": False}]}, "NO"),
    ("without the port group", {**ON_LAN, "vm.nics[0].port_group": "blue"}, "YES"),
    ("which forwards otherwise", ISOLATED, "YES"),
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

TABLES = {
    "net.bridge": BRIDGES,
    "net.network": NETWORK,
    "net.mtu": MTUS,
    "net.filter": FILTERS,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


@pytest.mark.parametrize(
    ("fact", "changes", "word"),
    [
        ("net.bridge", {**CUT_OFF_HERE, f"{BR0}.up": False}, "down"),
        (
            "net.bridge",
            {**ON_LAN, "source.libvirt_objects.networks": [{**LAN, "bridge": "eth0"}]},
            "another bridge",
        ),
        ("net.network", {**ON_LAN, "vm.nics[0].port_group": "blue"}, "port group blue"),
        ("net.mtu", JUMBO, "larger frames are lost"),
    ],
)
def test_what_works_with_a_loss_says_so(fact, changes, word):
    found = finding(fact, migration(changes))
    assert found.quality == Quality.QUALITY_REDUCED
    assert word in found.reason


@pytest.mark.parametrize(
    ("fact", "changes", "kind"),
    [
        ("net.bridge", ONLY_LO, "create_bridge"),
        ("net.bridge", CUT_OFF, "create_bridge"),
        ("net.network", {**ON_LAN, f"destination.{NETWORKS}": []}, "start_network"),
    ],
)
def test_remedies(fact, changes, kind):
    assert remedy_kinds(finding(fact, migration(changes))) == [kind]


def test_an_mtu_is_raised_from_the_uplink_up():
    found = finding("net.mtu", migration(JUMBO))
    assert [each.set_mtu.interface for each in found.remedies] == ["eth0", "br0"]
