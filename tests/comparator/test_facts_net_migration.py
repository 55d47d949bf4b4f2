"""Rows for the facts about the way that the migration's data takes."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality
from vmfit.v1.migration_pb2 import StorageCopy
from vmfit.v1.probe_pb2 import ConnectOutcome

NAME = "destination.identity.libvirt_identities[0].hostname"
ADDRESSES = "destination.identity.hostname_addresses"
RESOLVER = "the host's resolver has no answer for 'beta'"
RECORDED = [
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

RESOLVED = "probes.destination_name.answer"
NOT_ASKED = {"probes.destination_name": None}
NAMES = [
    ("resolves", {}, "YES"),
    ("does not resolve", {RESOLVED: {"reason": "Name or service not known"}}, "NO"),
    ("resolves to loopback alone", {RESOLVED: {"addresses": ["127.0.1.1", "::1"]}}, "NO"),
    ("resolves to the source", {RESOLVED: {"addresses": ["192.0.2.1"]}}, "NO"),
    ("resolves to another address too", {RESOLVED: {"addresses": ["::1", "192.0.2.9"]}}, "YES"),
    ("an agent that names no address", {RESOLVED: {"addresses": ["beta"]}}, "NO"),
    (
        "the resolver failed",
        {"probes.destination_name": {"name": "beta", "error": "timed out"}, ADDRESSES: []},
        "PROBABLY_YES",
    ),
    *((what, {**NOT_ASKED, **changes}, then) for what, changes, then in RECORDED),
]

LISTENING = "destination.network.listening_ports"
COPIED = {"options.storage_copy": StorageCopy.STORAGE_COPY_ALL}
TAKEN = {LISTENING: [{"port": 10809}]}
TAKEN_ALL = [{"port": port} for port in range(49152, 49216)]
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
    (
        "the disks' port in use",
        {LISTENING: [{"port": 10809}], "options.disks_port": 10809, **COPIED},
        "NO",
    ),
    (
        "the port of the disks' URI in use",
        {LISTENING: [{"port": 4445}], "options.disks_uri": "tcp://192.0.2.2:4445", **COPIED},
        "NO",
    ),
    ("a port for disks that are not copied", {"options.disks_port": 10809, **TAKEN}, "YES"),
    (
        "one port for both",
        {"options.migration_uri": "tcp://b:4444", "options.disks_port": 4444, **COPIED},
        "NO",
    ),
    (
        "one port left, two needed",
        {LISTENING: [{"port": port} for port in range(49153, 49216)], **COPIED},
        "NO",
    ),
    (
        "one port left and one of its own",
        {
            LISTENING: [{"port": port} for port in range(49153, 49216)],
            "options.disks_port": 10809,
            **COPIED,
        },
        "YES",
    ),
    ("UNIX sockets", {"options.migration_uri": "unix:///run/m", LISTENING: TAKEN_ALL}, "YES"),
    ("tunnelled", {"options.tunnelled": True}, "YES"),
    ("not collected", {"destination.network": None}, "NO_IDEA"),
]

CONNECTED = "probes.migration_port.answer"
OUTCOME = f"{CONNECTED}.outcome"
UNTRIED = {"probes.migration_port": None}
DISKS = "probes.disks_port"
REACH = [
    ("connects", {}, "YES"),
    ("refused", {OUTCOME: ConnectOutcome.CONNECT_OUTCOME_REFUSED}, "NO"),
    ("no answer", {OUTCOME: ConnectOutcome.CONNECT_OUTCOME_TIMED_OUT}, "NO"),
    ("no way", {OUTCOME: ConnectOutcome.CONNECT_OUTCOME_UNREACHABLE}, "NO"),
    ("no such name", {OUTCOME: ConnectOutcome.CONNECT_OUTCOME_UNRESOLVED}, "NO"),
    ("an outcome of the future", {OUTCOME: ConnectOutcome.CONNECT_OUTCOME_UNSPECIFIED}, "NO_IDEA"),
    (
        "no free port",
        {
            "probes.migration_port": {"noneFree": True, "error": "port 49215: in use"},
            LISTENING: TAKEN_ALL,
        },
        "NO",
    ),
    (
        "a named port was just taken",
        {
            "probes.migration_port": {"noneFree": True, "error": "port 4444: in use"},
            "options.migration_uri": "tcp://192.0.2.2:4444",
        },
        "PROBABLY_NO",
    ),
    ("not tried", UNTRIED, "PROBABLY_YES"),
    (
        "the agent did not answer",
        {"probes.migration_port": {"host": "beta", "error": "did not answer in time"}},
        "PROBABLY_YES",
    ),
    ("the disks' port was not tried", COPIED, "PROBABLY_YES"),
    (
        "the disks' port",
        {DISKS: {"host": "beta", "port": 49153, "answer": {"outcome": 1}}, **COPIED},
        "YES",
    ),
    (
        "the disks' port is blocked",
        {DISKS: {"host": "beta", "port": 49153, "answer": {"outcome": 3}}, **COPIED},
        "NO",
    ),
    ("listens on an address of its own", {"options.listen_address": "192.0.2.2"}, "YES"),
    ("listens on an address it lacks", {"options.listen_address": "192.0.2.99"}, "NO"),
    ("listens on all", {"options.listen_address": "0.0.0.0"}, "YES"),
    ("tunnelled", {"options.tunnelled": True, **UNTRIED}, "YES"),
    ("UNIX sockets", {"options.migration_uri": "unix:///run/m", **UNTRIED}, "YES"),
    ("offline", {"options.offline": True, **UNTRIED}, "YES"),
]

PATHS = [
    ("a common network", {}, "YES"),
    ("a slow one", {"source.network.interfaces[2].speed_bits_per_second": 100_000_000}, "YES"),
    (
        "behind a router",
        {
            **UNTRIED,
            ADDRESSES: ["198.51.100.7"],
            "source.network.routes": [{"destination": "0.0.0.0/0", "interface": "br0"}],
        },
        "PROBABLY_YES",
    ),
    ("a way that was tried", {f"{CONNECTED}.address": "198.51.100.7"}, "YES"),
    ("an agent that names no address", {f"{CONNECTED}.address": "beta"}, "NO_IDEA"),
    ("nowhere", {**UNTRIED, ADDRESSES: ["198.51.100.7"]}, "PROBABLY_NO"),
    (
        "address of the URI",
        {**UNTRIED, "options.migration_uri": "tcp://198.51.100.7"},
        "PROBABLY_NO",
    ),
    ("address not known", {**UNTRIED, ADDRESSES: []}, "NO_IDEA"),
    ("tunnelled", {"options.tunnelled": True, **UNTRIED, ADDRESSES: []}, "YES"),
    ("not collected", {"source.network": None}, "NO_IDEA"),
]

TABLES = {
    "net.host_name": NAMES,
    "net.migration_path": PATHS,
    "net.ports": PORTS,
    "net.port_reach": REACH,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_a_slow_network_says_so():
    changes = {"source.network.interfaces[2].speed_bits_per_second": 100_000_000}
    found = finding("net.migration_path", migration(changes))
    assert found.quality == Quality.QUALITY_REDUCED
    assert "100 Mbit/s" in found.reason


@pytest.mark.parametrize(
    ("fact", "changes", "kinds"),
    [
        ("net.host_name", {NAME: "localhost"}, ["change_migration_option"]),
        (
            "net.port_reach",
            {OUTCOME: ConnectOutcome.CONNECT_OUTCOME_TIMED_OUT},
            ["change_migration_option", ""],
        ),
        (
            "net.port_reach",
            {"options.listen_address": "192.0.2.99"},
            ["change_migration_option"],
        ),
    ],
)
def test_remedies(fact, changes, kinds):
    assert remedy_kinds(finding(fact, migration(changes))) == kinds


def test_what_was_not_tried_says_why():
    changes = {**UNTRIED, "probes.not_asked": "policy careful forbids probes"}
    assert "policy careful" in finding("net.port_reach", migration(changes)).reason
