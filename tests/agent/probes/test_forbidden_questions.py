"""What is not asked, whoever asks: places that the rules leave out, by each kind of question."""

import pytest

from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import ConnectPort, OpenDisk, OpenListener, ResolveName
from vmfit_agent.probes import listener as listening
from vmfit_agent.probes.connect_port import connect_port
from vmfit_agent.probes.host_patterns import parse_pattern
from vmfit_agent.probes.listener import open_listener
from vmfit_agent.probes.network_rules import NetworkRules, NotAllowed
from vmfit_agent.probes.open_disk import open_disk
from vmfit_agent.probes.qemu_img import qemu_img
from vmfit_agent.probes.resolve_name import resolve_name
from vmfit_agent.probes.unanswerable import Unanswerable


@pytest.mark.parametrize("port", [22, 16509, 16514, 49152, 49215, 10809, 3260, 443, 8123])
def test_ports_that_may_be_asked(names, monkeypatch, port):
    names(beta="10.0.0.1")
    rules = NetworkRules(ports=(range(8123, 8124),))
    allowed = terms(rules=rules)
    monkeypatch.setattr("vmfit_agent.probes.connect_port._attempt", lambda *_: 0)
    assert connect_port(ConnectPort(host="beta", port=port), allowed).address == "10.0.0.1"


@pytest.mark.parametrize("port", [1, 25, 53, 389, 2379, 6443, 8080, 49216, 65535])
def test_ports_that_may_not_be_asked(names, port):
    looks = names(beta="10.0.0.1")
    question = ConnectPort(host="beta", port=port)
    with pytest.raises(NotAllowed, match=f"the agent's probe_ports does not allow port {port}"):
        connect_port(question, terms(rules=NetworkRules()))
    assert not looks


def listen(first, last, address="", rules=None):
    question = OpenListener(first_port=first, last_port=last, seconds=0.2, address=address)
    return open_listener(question, terms(rules=rules or NetworkRules()))


@pytest.mark.parametrize(("first", "last"), [(389, 389), (1, 64), (1000, 1023), (49216, 49270)])
def test_ports_that_may_not_be_listened_on(first, last):
    with pytest.raises(NotAllowed, match="probe_ports does not allow to listen on port"):
        listen(first, last)
    # Privileged ones not even by configuration.
    if last < 1024:
        with pytest.raises(NotAllowed):
            listen(first, last, rules=NetworkRules(ports=(range(1, 65536),)))


def test_of_a_range_only_what_is_allowed_is_listened_on():
    assert 49152 <= listen(49100, 49163).port <= 49163
    assert listen(5300, 5363, rules=NetworkRules(ports=(range(5360, 5400),))).port >= 5360


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "224.0.0.1", "fe80::1"])
def test_addresses_that_are_not_listened_on(address):
    with pytest.raises(NotAllowed, match="no probe listens there"):
        listen(49152, 49215, address)


def test_an_address_of_another_host_is_not_even_bound(monkeypatch):
    # As where the kernel is told to let programs bind any address.
    monkeypatch.setattr(listening, "_listen", lambda *_: pytest.fail("bound"))
    answer = listen(49152, 49152, "192.0.2.77")
    assert (answer.port, answer.reason) == (0, "port 49152: Cannot assign requested address")


def test_names_that_may_be_resolved():
    rules = NetworkRules(hosts=[parse_pattern("*.example"), parse_pattern("192.0.2.0/24")])
    assert resolve_name(ResolveName(name="192.0.2.1"), terms(rules=rules)).addresses
    for name in ("198.51.100.1", "127.0.0.1"):
        with pytest.raises(NotAllowed, match="probe_hosts does not allow"):
            resolve_name(ResolveName(name=name), terms(rules=rules))
    # Nothing goes to what a name resolves to: that it is loopback is an answer.
    assert resolve_name(ResolveName(name="127.0.0.1"), terms(rules=NetworkRules())).addresses


def disk(protocol, name="", /, **host):
    return OpenDisk(source={
        "type": "network", "protocol": protocol, "name": name, "hosts": [host] if host else [],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (disk("nbd", name="127.0.0.1"), "loopback"),
        (disk("iscsi", "iqn.2020-01.a:b/1", name="169.254.169.254"), "link-local"),
        (disk("http", "a", name="::1"), "loopback"),
        (disk("nbd", name="10.0.0.1", port=22), "probe_ports does not allow port 22"),
        (disk("http", "a", name="10.0.0.1", port=10809), "probe_ports does not allow port 10809"),
        (disk("http", "a?b=c", name="10.0.0.1"), "query"),
        (disk("https", "a?b", name="10.0.0.1"), "query"),
        (disk("ftp", "a?b", name="10.0.0.1"), "query"),
        (disk("rbd", "a/b", name="localhost"), "loopback"),
        (disk("gluster", "a/b", name="0"), "no address"),
        (disk("nfs", "/a", name="2130706433"), "loopback"),
    ],
)
def test_disks_that_are_not_opened(question, why):
    if qemu_img() is None:
        pytest.skip("qemu-img is not installed")
    with pytest.raises(Unanswerable, match=why):
        open_disk(question, terms(rules=NetworkRules()))


def test_a_driver_that_is_missing_is_told_of_a_disk_that_may_not_be_opened(tmp_path, monkeypatch):
    program = tmp_path / "qemu-img"
    program.write_text("#!/bin/sh\necho \"qemu-img: Unknown driver 'rbd'\" >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr("vmfit_agent.probes.qemu_img._DIRECTORIES", str(tmp_path))
    monkeypatch.setattr("vmfit_agent.probes.open_disk._other_user", lambda _: None)
    answer = open_disk(disk("rbd", "a/b", name="127.0.0.1"), terms(rules=NetworkRules()))
    assert answer.driver_missing
