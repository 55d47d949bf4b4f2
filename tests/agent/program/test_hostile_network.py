"""The agent's processes on a network that means harm: what is asked reaches nothing it must not."""

import re
import time
from collections import Counter
from pathlib import Path

import grpc
import pytest

from tests.agent.program.hostile_network import NAMES, NEVER, OWN, HostileNetwork
from tests.agent.program.recorder import SCANNED
from tests.agent.program.started_agent import StartedAgent
from vmfit.v1.host_metadata_service_pb2 import ProbeRequest
from vmfit.v1.probe_pb2 import ConnectOutcome
from vmfit_agent.probes.port_ranges import LIBVIRT_PORTS, every_disk_port
from vmfit_agent.probes.qemu_img import qemu_img

USUAL = {port for ports in (*LIBVIRT_PORTS, *every_disk_port()) for port in ports}
RATE = 2000
CONNECTED = ConnectOutcome.CONNECT_OUTCOME_CONNECTED
DEADLINE = 20
NO_PROBE = "no probe goes there"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("network")
    for parent in (directory, directory.parent, directory.parent.parent):
        parent.chmod(0o755)
    return directory


@pytest.fixture(scope="module")
def sockets(directory):
    """A socket in a directory for disks' servers, and one outside of it with a link to it."""
    (directory / "allowed").mkdir()
    inside, outside = directory / "allowed" / "inside.sock", directory / "outside.sock"
    (directory / "allowed" / "link.sock").symlink_to(outside)
    return inside, outside


@pytest.fixture(scope="module")
def network(directory, sockets):
    network = HostileNetwork(directory, sockets)
    for each in sockets:
        each.chmod(0o777)
    yield network
    network.end()


@pytest.fixture(scope="module")
def agent(network, directory):
    allowed = ("--probe-socket-directory", f"{directory}/allowed")
    agent = StartedAgent(directory, network.within, ("--probes-per-minute", str(RATE), *allowed))
    yield agent
    assert agent.end() == []


@pytest.fixture
def ask(agent, network):
    """Ask questions in one request; what the network saw before is forgotten."""
    network.forget()
    with agent.dial() as stub:

        def ask(*questions, seconds=2.0):
            probes = [{**each, "timeout_seconds": seconds} for each in questions]
            return list(stub.Probe(ProbeRequest(probes=probes), timeout=DEADLINE).results)

        yield ask


def connect(host, port):
    return {"connect_port": {"host": host, "port": port}}


def disk(protocol, host, name="a", **server):
    source = {"type": "network", "protocol": protocol, "name": name, "hosts": [
        {"name": host, **server} if host else server
    ]}  # fmt: skip
    return {"open_disk": {"source": source}}


def test_what_may_be_asked_is_reached(ask, network):
    """Otherwise what is not reached below would prove nothing."""
    found = ask(*(connect(host, port) for host in (OWN, "peer.test") for port in (22, 49152)))
    assert [each.connect.outcome for each in found] == [CONNECTED] * 4
    assert Counter(network.connected()) == {(OWN, 22): 2, (OWN, 49152): 2}


def test_a_scan_of_1280_ports_finds_the_usual_ones_only(ask, network):
    connected, refused, why = [], 0, Counter()
    for first in range(SCANNED[0], SCANNED[-1] + 1, 64):
        questions = [connect(OWN, port) for port in range(first, first + 64)]
        for port, each in enumerate(ask(*questions), first):
            if each.connect.outcome == CONNECTED:
                connected.append(port)
            else:
                refused += 1
                why[each.error.replace(str(port), "N")] += 1
    print(f"{len(SCANNED)} tries, {refused} refused, connected: {connected}")  # noqa: T201
    expected = sorted(USUAL & set(SCANNED))
    assert connected == expected
    assert why == {"the agent's probe_ports does not allow port N": len(SCANNED) - len(expected)}
    assert sorted(network.connected()) == [(OWN, port) for port in expected]


NOWHERE = [
    *NEVER, *(name for name in NAMES if name != "peer.test"), "localhost", "LOCALHOST.", "0",
    "0.0.0.0", "::", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "[::1]", "64:ff9b::7f00:1", "2002:7f00:1::",
    "fe80::1%hostile0", "224.0.0.1",
    "255.255.255.255", "127.0.0.1%lo", "::127.0.0.1",
]  # fmt: skip


def test_no_name_and_no_spelling_leads_to_the_host_itself(ask, network):
    """Each by each kind of question."""
    hosts = [host for host in NOWHERE if host]
    for port in (22, 49152):
        for host, found in zip(hosts, ask(*(connect(each, port) for each in hosts)), strict=True):
            assert found.connect.outcome != CONNECTED, host
    for protocol in ("nbd", "iscsi", "http", "https", "ftp", "nfs", "rbd", "gluster"):
        for host, found in zip(hosts, ask(*(disk(protocol, each) for each in hosts)), strict=True):
            assert not found.disk.opens, (protocol, host)
    assert network.connected() == []


def test_it_listens_on_no_other_port_or_address(ask):
    listen = [(1, 64), (389, 389), (1000, 1023), (5900, 5963), (65000, 65063)]
    for found in ask(*(
        {"open_listener": {"first_port": first, "last_port": last, "seconds": 0.1}}
        for first, last in listen
    )):  # fmt: skip
        assert "does not allow to listen" in found.error
    for found in ask(*(
        {"open_listener": {"address": each, "first_port": 49160, "last_port": 49160, "seconds": 1}}
        for each in ("127.0.0.1", "::1", "loop.test", "169.254.169.254", "fe80::1%lo")
    )):  # fmt: skip
        assert not found.listener.port
        assert "no probe listens there" in found.error


@pytest.fixture
def with_qemu():
    if qemu_img() is None:
        pytest.skip("qemu-img is not installed")


@pytest.mark.usefixtures("with_qemu")
@pytest.mark.parametrize("place", [f"{OWN}:8080", f"{OWN}:22", "127.0.0.1:80", "169.254.169.254"])
def test_a_web_server_redirects_nobody(ask, network, place):
    names = [f"to-{status}-{place}" for status in (301, 302, 303, 307, 308)]
    for found in ask(*(disk("http", OWN, name) for name in names)):
        assert found.error == f"{OWN}:80 redirects, and no probe follows that"
    assert network.connected() == [(OWN, 80)] * len(names)
    for said in network.said(80):
        assert said.startswith("HEAD /to-")
        assert "authorization" not in said.lower()


@pytest.mark.usefixtures("with_qemu")
def test_what_would_make_a_web_server_act_is_not_sent(ask, network):
    found = ask(
        disk("http", OWN, "a?delete=1"),
        disk("http", OWN, "a#b"),
        disk("http", OWN, "a HTTP/1.1"),
        disk("http", OWN, "a", port=6443),
    )
    assert [found[0].disk.opens, found[3].disk.opens] == [False, False]
    for said in network.said(80):
        lines = said.split("\r\n")
        assert re.fullmatch(r"HEAD /a[^ ?#]* HTTP/1\.1", lines[0])
        assert [line for line in lines[1:] if line] == [
            f"Host: {OWN}", "Accept: */*", "Connection: close"
        ]  # fmt: skip
    assert {port for _, port in network.connected()} <= {80}


@pytest.mark.parametrize(
    ("host", "name", "field"),
    [
        (f"user:password@{OWN}", "a", "hosts[0].name"),
        (f"{OWN}:8080/", "a", "hosts[0].name"),
        (f"{OWN}\r\nX-Evil: 1", "a", "hosts[0].name"),
        ("a" * 254, "a", "hosts[0].name"),
        (OWN, "a\r\nX-Evil: 1\r\n\r\nDELETE / HTTP/1.1", "name"),
    ],
)
def test_what_is_no_host_or_name_is_refused(ask, network, host, name, field):
    with pytest.raises(grpc.RpcError) as raised:
        ask(disk("http", host, name))
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert f"probes[0].open_disk.source.{field}: must" in raised.value.details()
    assert network.connected() == []


@pytest.mark.usefixtures("with_qemu")
@pytest.mark.parametrize(
    ("protocol", "name"),
    [
        ("http", "dribble"), ("http", "garbage"), ("http", "flood"), ("https", "dribble"),
        ("nbd", "a"), ("iscsi", "iqn.2020-01.test:a/1"), ("ftp", "dribble"),
    ],
)  # fmt: skip
def test_a_server_that_dribbles_or_talks_nonsense_costs_its_own_question(ask, protocol, name):
    """Side by side with eight of its kind, a good question is answered in its time."""
    began = time.monotonic()
    *bad, good = ask(*[disk(protocol, OWN, name)] * 8, connect(OWN, 49152), seconds=2.5)
    assert time.monotonic() - began < 6
    assert not any(each.disk.opens for each in bad)
    assert good.connect.outcome == CONNECTED


@pytest.mark.usefixtures("with_qemu")
def test_unix_sockets_are_disks_servers_only(ask, network, sockets, directory):
    def at(path):
        return disk("nbd", None, transport="unix", socket=str(path))

    inside, outside = sockets
    links = [directory / "allowed" / "link.sock", directory / "allowed" / ".." / "outside.sock"]
    places = [outside, *links, directory / "collect.sock", directory / "probe.sock",
              "/run/dbus/system_bus_socket", "/run/docker.sock"]  # fmt: skip
    for path, found in zip(places, ask(*map(at, places)), strict=True):
        assert "does not allow" in found.error or not Path(path).exists(), path
        assert not found.disk.opens
    assert network.connected() == []
    (found,) = ask(at(inside), seconds=5.0)
    assert network.connected() == [(str(inside), 0)], found


def test_beyond_its_rate_a_caller_gets_nothing(agent, network):
    """As fast as it can, until it is refused; last, for it leaves nothing for others."""
    network.forget()
    questions = ProbeRequest(probes=[connect(OWN, port) for port in range(1217, 1281)])
    asked = 0

    def ask_on(stub):
        nonlocal asked
        for _ in range(2 * RATE // 64):
            stub.Probe(questions, timeout=DEADLINE)
            asked += 64

    with agent.dial() as stub, pytest.raises(grpc.RpcError) as raised:
        ask_on(stub)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert f"{RATE} probes a minute are answered (probes_per_minute)" in raised.value.details()
    print(f"{asked} questions, then refused")  # noqa: T201
    assert asked <= 1.5 * RATE
    assert network.connected() == []
