"""Probes go to what a migration has to do with, and to no other host or port."""

import os
import socket

import pytest

from vmfit.v1.host_metadata_service_pb2 import DescribeVmResponse, ProbeCase, ProbeRequest
from vmfit.v1.probe_pb2 import Probe
from vmfit.v1.vm_pb2 import CharacterDevice, Disk, NetworkHost, StorageSource, Vm
from vmfit_agent.host import Host
from vmfit_agent.probes import case_rules
from vmfit_agent.probes.addresses import parse_address
from vmfit_agent.probes.case_rules import rules_of_case
from vmfit_agent.probes.guests_servers import servers_of
from vmfit_agent.probes.host_patterns import parse_pattern
from vmfit_agent.probes.network_rules import NetworkRules, NotAllowed
from vmfit_agent.probes.network_service import NetworkProbes
from vmfit_agent.probes.probe_settings import DEFAULTS, ProbeSettings
from vmfit_agent.probes.prober import Prober
from vmfit_agent.probes.validation import request_complaint
from vmfit_agent.sources import ProbesExhausted, UnknownDomain
from vmfit_contract.access import LOCAL

UUID = "c7a5fdbd-edaf-9455-926a-d65c16db1809"
EVERY_PORT = (range(1, 65536),)


def disk(protocol, name="a", **hosts):
    servers = [NetworkHost(name=name, port=port) for name, port in hosts.items()]
    return Disk(source=StorageSource(type="network", protocol=protocol, name=name, hosts=servers))


GUEST = Vm(
    disks=[disk("nbd", stor1=10809), disk("rbd", mon1=6789, mon2=3300)],
    character_devices=[CharacterDevice(type="tcp", mode="connect", host="logs", port=3260)],
)


@pytest.fixture
def own(monkeypatch):
    """The host has a bridge that every host has, and an address of its own."""
    parsed = {parse_address(each) for each in ("192.168.122.1", "10.0.0.1")}
    monkeypatch.setattr(case_rules, "own_addresses", lambda: parsed)


def rules(*hosts, servers=(), ports=(), patterns=()):
    base = NetworkRules(ports, [parse_pattern(each) for each in patterns])
    return rules_of_case(base, Host(), ProbeCase(hosts=hosts, servers=servers))


def reached(rules, name, port):
    try:
        return [place[0] for _, place in rules.addresses(name, port, EVERY_PORT)]
    except NotAllowed as error:
        return str(error)


def test_the_other_hosts_ports_are_those_of_libvirt_and_of_migrations(own, names):
    found = rules("beta", "10.0.0.2", ports=(range(4000, 4001),))
    for name in ("beta", "BETA.", "10.0.0.2", "::ffff:10.0.0.2"):
        names(**{name: "10.0.0.2"})
        for port in (22, 16509, 16514, 49152, 49215, 4000):
            assert reached(found, name, port) == ["10.0.0.2"]
        for port in (80, 443, 3260, 10809, 2049):
            assert "has nothing to do with" in reached(found, name, port)


def test_another_name_counts_where_it_is_an_address_of_the_other_host(own, names):
    names(mig="10.1.0.2 192.0.2.7", victim="192.0.2.7", bridge="192.168.122.1", itself="10.0.0.1")
    found = rules("beta", "10.1.0.2", "192.168.122.1", "10.0.0.1")
    assert reached(found, "mig", 49152) == ["10.1.0.2"]
    for name in ("victim", "bridge", "itself"):
        assert "has nothing to do with" in reached(found, name, 49152)
    for address in ("192.0.2.7", "192.168.122.1", "10.0.0.1"):
        assert "has nothing to do with" in reached(found, address, 49152)


def test_servers_are_asked_at_the_ports_that_the_definition_names(own, names):
    names(stor1="10.2.0.1", mon2="10.2.0.3", logs="10.2.0.4")
    found = rules("beta", servers=servers_of(GUEST))
    assert reached(found, "stor1", 10809) == ["10.2.0.1"]
    assert reached(found, "mon2", 3300) == ["10.2.0.3"]
    assert reached(found, "logs", 3260) == ["10.2.0.4"]
    for name, port in (("stor1", 22), ("mon2", 6789), ("logs", 443), ("stor2", 10809)):
        assert "has nothing to do with" in reached(found, name, port)


def test_what_no_probe_goes_to_stays_so_whoever_names_it(own, names):
    names(beta="127.0.0.1", **{"169.254.169.254": "169.254.169.254"})
    found = rules("beta", "127.0.0.1", servers=[NetworkHost(name="169.254.169.254", port=80)])
    for name in ("beta", "127.0.0.1", "169.254.169.254"):
        assert "no probe goes there" in reached(found, name, 22 if "254" not in name else 80)


def test_the_settings_narrow_what_a_case_names(own, names):
    names(beta="10.0.0.2", gamma="10.9.0.2", **{"10.0.0.9": "10.0.0.9"})
    found = rules("beta", "gamma", patterns=["10.0.0.0/24"])
    assert reached(found, "beta", 22) == ["10.0.0.2"]
    assert "probe_hosts" in reached(found, "gamma", 22)
    assert "has nothing to do with" in reached(found, "10.0.0.9", 22)


QUESTIONS = [
    Probe(resolve_name={"name": "intranet.example"}),
    Probe(connect_port={"host": "192.0.2.9", "port": 22}),
    Probe(connect_port={"host": "intranet.example", "port": 443}),
    Probe(open_disk={"source": disk("https", "x", **{"intranet.example": 443}).source}),
    Probe(open_disk={"source": disk("nbd", "x", **{"192.0.2.9": 10809}).source}),
    Probe(open_listener={"address": "intranet.example", "first_port": 49152, "last_port": 49152,
                         "seconds": 1}),
]  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "case",
    [
        ProbeCase(),
        ProbeCase(hosts=["beta"]),
        ProbeCase(hosts=["beta"], description=GUEST),
        ProbeCase(uuid=UUID),
        ProbeCase(hosts=["beta"], servers=[{"name": "192.0.2.9", "port": 22},
                                           {"name": "intranet.example", "port": 443},
                                           {"name": "192.0.2.9", "port": 10809}]),
    ],
)  # fmt: skip
def test_unrelated_hosts_are_never_asked_nor_looked_up(own, monkeypatch, question, case):
    def never(*_):
        raise AssertionError("went to the network")

    def describe(_request, _seconds, _caller):
        raise UnknownDomain("no such domain")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(socket.socket, "connect_ex", never)
    [result] = Prober(Host(), describe=describe).answer([question], 5, LOCAL, case)
    assert "has nothing to do with" in result.error or "qemu-img is not" in result.error
    assert result.WhichOneof("answer") is None


def test_the_servers_of_a_domain_are_read_from_its_own_definition(own):
    asked = []

    def describe(request, seconds, caller):
        asked.append((request.WhichOneof("vm"), request.uuid, 0 < seconds <= 5, caller))
        return DescribeVmResponse(vm=GUEST)

    prober = Prober(Host(), network=(network := Calls()), describe=describe)
    prober.answer([Probe(connect_port={"host": "logs", "port": 3260})], 5, LOCAL,
                  ProbeCase(uuid=UUID, hosts=["beta"]))  # fmt: skip
    assert asked == [("uuid", UUID, True, LOCAL)]
    [request] = network.requests
    assert request.case == ProbeCase(hosts=["beta"], servers=servers_of(GUEST))


class Calls:
    """The other process: keeps what it is asked."""

    def __init__(self):
        self.requests = []

    def answer(self, method, request, seconds, caller):
        self.requests.append(ProbeRequest.FromString(request))
        return b""


def test_the_other_process_goes_nowhere_else(own):
    request = ProbeRequest(
        probes=QUESTIONS[1:3], case=ProbeCase(hosts=["beta"], servers=servers_of(GUEST))
    )
    content = NetworkProbes(Host(), DEFAULTS).answer(
        "Probe", request.SerializeToString(), 5.0, LOCAL
    )
    assert content.count(b"has nothing to do with") == 2


def test_without_the_hosts_own_addresses_it_goes_to_no_address(monkeypatch):
    def fails():
        raise OSError(1, os.strerror(1))

    monkeypatch.setattr(case_rules, "own_addresses", fails)
    assert "Operation not permitted" in reached(rules("10.0.0.2"), "10.0.0.2", 22)


@pytest.mark.parametrize(
    ("case", "field"),
    [
        (ProbeCase(hosts=["a"] * 513), "case.hosts"),
        (ProbeCase(hosts=["ok", "a/b"]), "case.hosts[1]"),
        (ProbeCase(uuid="web"), "case.uuid"),
        (ProbeCase(xml=""), "case.xml"),
        (ProbeCase(xml="x" * (1 << 20 | 1)), "case.xml"),
    ],
)
def test_cases_that_are_none(case, field):
    complaint = request_complaint(ProbeRequest(probes=QUESTIONS[:1], case=case))
    assert complaint is not None
    assert complaint[0] == field


def test_rates_count_before_a_definition_is_read(own):
    read = []
    prober = Prober(
        Host(), ProbeSettings(per_minute=1), describe=lambda *_: read.append(1) or GUEST
    )
    for _ in range(3):
        with pytest.raises(ProbesExhausted, match="a minute"):
            prober.answer([QUESTIONS[1]] * 2, 5, LOCAL, ProbeCase(uuid=UUID))
    assert read == []
