"""Where probes may go: addresses that are never asked, hosts and ports that are allowed."""

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit_agent.probes.addresses import parse_address, why_never
from vmfit_agent.probes.host_patterns import parse_pattern
from vmfit_agent.probes.network_rules import NetworkRules, NotAllowed
from vmfit_agent.probes.port_ranges import holds, migration_ports, parse_ports

NEVER = [
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "169.254.169.254",
    "169.254.1.1",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "239.1.2.3",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "fd00:ec2::254",
    "100.100.100.200",
    "[::1]",
]
USUAL = [
    "10.1.2.3",
    "192.0.2.1",
    "172.16.0.1",
    "fd00::1",
    "2001:db8::1",
    "[fd00::1]",
    "100.64.0.1",
    "64:ff9b::a01:203",
    "::ffff:10.1.2.3",
]


@pytest.mark.parametrize("text", NEVER)
def test_addresses_that_no_probe_goes_to(text):
    assert why_never(parse_address(text))
    with pytest.raises(NotAllowed, match="no probe goes there"):
        NetworkRules().addresses(text, 22, (range(1, 65536),))


@pytest.mark.parametrize("text", USUAL)
def test_addresses_that_probes_may_go_to(text):
    assert why_never(parse_address(text)) == ""
    [(_, place)] = NetworkRules().addresses(text, 22, (range(22, 23),))
    assert ip_address(place[0]) == parse_address(text)


@given(st.integers(0, (1 << 32) - 1), st.sampled_from(["127.", "0.", "169.254.", "224.", "255."]))
def test_no_spelling_leads_to_loopback(number, start):
    """Whatever the resolver makes of a text that is no address by itself."""
    rest = ip_address(number).exploded.split(".")
    for text in (
        start + ".".join(rest[: 4 - start.count(".")]),
        f"0x{(0x7F << 24) | (number >> 8):x}",
        str((0x7F << 24) | (number >> 8)),
        f"127.{number >> 8}" if number >> 8 < 1 << 24 else "127.1",
    ):
        with pytest.raises((NotAllowed, socket.gaierror)):
            NetworkRules().addresses(text, 22, (range(22, 23),))


def test_a_name_is_resolved_once_and_only_what_was_checked_is_connected_to(names):
    looks = names(both="127.0.0.1 10.0.0.1 fe80::1 fd00::1", local="127.0.1.1 ::1")
    found = NetworkRules().addresses("both", 22, (range(22, 23),))
    assert [place[0] for _, place in found] == ["10.0.0.1", "fd00::1"]
    assert looks == ["both"]
    with pytest.raises(NotAllowed, match=r"both is 127\.0\.0\.1, a loopback address"):
        NetworkRules().addresses("both", 22, (range(22, 23),), first_only=True)
    with pytest.raises(NotAllowed, match="local is ::1, a loopback address: no probe goes there"):
        NetworkRules().addresses("local", 22, (range(22, 23),))


@pytest.mark.parametrize(
    ("patterns", "name", "found"),
    [
        ([], "beta", ["10.0.0.1", "10.9.0.1"]),
        (["beta"], "beta", ["10.0.0.1", "10.9.0.1"]),
        (["BETA.", "x"], "beta", ["10.0.0.1", "10.9.0.1"]),
        (["*.example"], "BETA.example.", ["10.0.0.2"]),
        (["*.example"], "beta", None),
        (["10.0.0.0/24"], "beta", ["10.0.0.1"]),
        (["10.0.0.0/24", "fd00::/8"], "10.0.0.77", ["10.0.0.77"]),
        (["10.0.0.0/24"], "10.0.1.77", None),
        (["10.0.0.0/24"], "::ffff:10.0.0.7", ["::ffff:10.0.0.7"]),
        (["10.5.0.0/24"], "beta", None),
        (["127.0.0.1", "beta"], "127.0.0.1", None),
    ],
)
def test_hosts(names, patterns, name, found):
    looks = names(
        beta="10.0.0.1 10.9.0.1", **{"BETA.example.": "10.0.0.2", "10.0.0.77": "10.0.0.77"},
        **{"::ffff:10.0.0.7": "::ffff:10.0.0.7"},
    )  # fmt: skip
    rules = NetworkRules(hosts=[parse_pattern(each) for each in patterns])
    if found is None:
        with pytest.raises(NotAllowed):
            rules.addresses(name, 22, (range(22, 23),))
        networks = any(each.network for each in rules.hosts)
        assert bool(looks) == (networks and name == "beta")
    else:
        assert [each[0] for _, each in rules.addresses(name, 22, (range(22, 23),))] == found


@pytest.mark.parametrize("text", ["", "a b", "10.0.0.0/33", "10.0.0.1/24", "a/b", "u@b", "1.2"])
def test_patterns_that_are_none(text):
    with pytest.raises(ValueError, match="name"):
        parse_pattern(text)


@pytest.mark.parametrize("text", ["", "0", "65536", "2-1", "1-", "-1", "a", "1,2", "1\u0661"])
def test_ports_that_are_none(text):
    with pytest.raises(ValueError, match="port"):
        parse_ports(text)


def test_ports():
    assert parse_ports("22") == range(22, 23)
    assert parse_ports("1-65535") == range(1, 65536)


@pytest.mark.parametrize(
    ("conf", "inside", "outside"),
    [
        ("", [49152, 49215], [49151, 49216]),
        ("migration_port_min = 50000\nmigration_port_max = 50009", [49152, 50000, 50009], [50010]),
        ("migration_port_min = 1\nmigration_port_max = 2000", [1024, 2000], [1, 1023, 2001]),
        ("migration_port_min = 65530\nmigration_port_max = 99999999", [49152], [1, 65536]),
        ("migration_port_min = -5\nmigration_port_max = x", [49152], [1]),
    ],
)
def test_the_ports_of_migrations(tree, conf, inside, outside):
    ranges = migration_ports(tree({"etc/libvirt/qemu.conf": conf + "\n"}))
    assert all(holds(ranges, port) for port in inside)
    assert not any(holds(ranges, port) for port in outside)
