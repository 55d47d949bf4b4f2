import errno
import socket
import time

import pytest

from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import ConnectOutcome, ConnectPort, OpenListener, ResolveName
from vmfit_agent.probes import connect_port as connecting
from vmfit_agent.probes import listener as listening
from vmfit_agent.probes import look_up as resolving
from vmfit_agent.probes import network_rules
from vmfit_agent.probes.connect_port import connect_port
from vmfit_agent.probes.listener import open_listener
from vmfit_agent.probes.resolve_name import resolve_name
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_contract.access import EVERY_ROLE, Caller


def connect(port, host="127.0.0.1", seconds=1.0):
    answer = connect_port(ConnectPort(host=host, port=port), terms(seconds))
    return ConnectOutcome.Name(answer.outcome).removeprefix("CONNECT_OUTCOME_"), answer.address


def listen(first, last=None, address="", seconds=5.0):
    question = OpenListener(
        address=address, first_port=first, last_port=last or first, seconds=seconds
    )
    return open_listener(question, terms())


def is_listening(port):
    """Look without connecting: a connection would end the listener."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_free(port, seconds=5.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
                probe.listen(1)
            except OSError:
                time.sleep(0.02)
            else:
                return True
    return False


def test_names_resolve_as_the_resolver_says():
    answer = resolve_name(ResolveName(name="localhost"), terms())
    assert "127.0.0.1" in answer.addresses or "::1" in answer.addresses
    assert resolve_name(ResolveName(name="192.0.2.7"), terms()).addresses == ["192.0.2.7"]
    assert len(set(answer.addresses)) == len(answer.addresses)


@pytest.mark.parametrize(
    "name", ["no-such-host.invalid", "x" * 70 + ".invalid", "ü.invalid", "a..b"]
)
def test_names_that_do_not_resolve_have_a_reason(name):
    answer = resolve_name(ResolveName(name=name), terms())
    assert not answer.addresses
    assert answer.reason


def test_a_resolver_without_servers_and_one_that_cannot_run(monkeypatch):
    errors = [
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        socket.gaierror(socket.EAI_SYSTEM, "System error"),
    ]

    def fail(*_, **__):
        raise errors.pop(0)

    monkeypatch.setattr(resolving.socket, "getaddrinfo", fail)
    answer = resolve_name(ResolveName(name="a"), terms())
    assert (list(answer.addresses), answer.reason) == ([], "Temporary failure in name resolution")
    with pytest.raises(Unanswerable, match="cannot run"):
        resolve_name(ResolveName(name="a"), terms())


def test_a_port_that_listens_connects_and_nothing_is_sent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert connect(server.getsockname()[1]) == ("CONNECTED", "127.0.0.1")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(10) == b""


def test_a_port_where_nobody_listens_refuses(free_port):
    assert connect(free_port) == ("REFUSED", "127.0.0.1")


def test_a_port_that_is_silent_times_out():
    # A full queue of connections: the kernel drops what comes then, as a firewall would.
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        place = server.getsockname()
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(place)
        time.sleep(0.05)
        began = time.monotonic()
        assert connect(place[1], seconds=0.3) == ("TIMED_OUT", "127.0.0.1")
        assert 0.25 < time.monotonic() - began < 1.0
        for each in waiting:
            each.close()


def test_a_name_that_does_not_resolve_is_said():
    assert connect(1, host="no-such-host.invalid", seconds=5.0) == ("UNRESOLVED", "")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (0, "CONNECTED"),
        (errno.ECONNREFUSED, "REFUSED"),
        (errno.ECONNRESET, "REFUSED"),
        (errno.ETIMEDOUT, "TIMED_OUT"),
        (errno.EINPROGRESS, "TIMED_OUT"),
        (errno.EHOSTUNREACH, "UNREACHABLE"),
        (errno.ENETUNREACH, "UNREACHABLE"),
        (errno.EACCES, "UNREACHABLE"),
        (errno.EADDRNOTAVAIL, "UNREACHABLE"),
        (errno.EAFNOSUPPORT, "UNREACHABLE"),
    ],
)
def test_what_errors_mean(monkeypatch, error, outcome):
    monkeypatch.setattr(connecting, "_attempt", lambda *_: error)
    assert connect(1)[0] == outcome


@pytest.mark.parametrize("error", [errno.EMFILE, errno.EPERM])
def test_what_concerns_the_agent_alone_is_no_answer(monkeypatch, error):
    monkeypatch.setattr(connecting, "_attempt", lambda *_: error)
    with pytest.raises(Unanswerable, match="the agent may not connect"):
        connect(1)


def test_a_later_address_may_connect(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        addresses = [(socket.AF_INET, (name, port)) for name in ("127.0.0.9", "127.0.0.1")]
        monkeypatch.setattr(network_rules, "look_up", lambda *_: addresses)
        assert connect(port, host="both") == ("CONNECTED", "127.0.0.1")
    assert connect(port, host="both") == ("REFUSED", "127.0.0.1")


@pytest.mark.parametrize("address", ["", "127.0.0.1", "localhost", "0.0.0.0"])
def test_a_listener_takes_one_connection_and_is_gone(free_port, address):
    assert listen(free_port, address=address).port == free_port
    assert connect(free_port) == ("CONNECTED", "127.0.0.1")
    assert wait_until_free(free_port)
    assert connect(free_port)[0] == "REFUSED"


def test_all_addresses_are_those_of_both_families(free_port):
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 on this host")
    assert listen(free_port).port == free_port
    assert connect(free_port, host="::1")[0] == "CONNECTED"


def test_a_listener_closes_by_itself(free_port):
    began = time.monotonic()
    assert listen(free_port, seconds=0.3).port == free_port
    assert time.monotonic() - began < 0.2
    assert wait_until_free(free_port)
    assert 0.2 < time.monotonic() - began < 2
    assert not is_listening(free_port)


def test_a_peer_that_stays_is_reset_and_the_port_is_free(free_port, monkeypatch):
    monkeypatch.setattr(listening, "PEER_SECONDS", 0.1)
    assert listen(free_port).port == free_port
    with socket.create_connection(("127.0.0.1", free_port)) as peer:
        peer.settimeout(5)
        # The reset leaves no memory of the connection: even a strict bind succeeds.
        with pytest.raises(ConnectionResetError):
            peer.recv(1)
        with socket.socket() as strict:
            strict.bind(("0.0.0.0", free_port))


def test_the_first_free_port_of_the_range(free_port):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", free_port))
        taken.listen(1)
        answer = listen(free_port, min(free_port + 20, 65535), seconds=0.1)
        assert free_port < answer.port <= free_port + 20
        answer = listen(free_port)
        assert (answer.port, answer.reason) == (0, f"port {free_port}: Address already in use")


@pytest.mark.parametrize(
    ("address", "reason"),
    [("192.0.2.1", "Cannot assign requested address"), ("no-such-host.invalid", "no-such-host")],
)
def test_an_address_of_another_host(free_port, address, reason):
    answer = listen(free_port, address=address)
    assert answer.port == 0
    assert reason in answer.reason


def test_listeners_are_bounded(free_port):
    # One caller has half of them at most, and another one still gets its own.
    def many():
        for _ in range(listening.MAX_LISTENERS // 2 + 1):
            assert listen(20000, 20063, address="127.0.0.1", seconds=0.3).port

    with pytest.raises(Unanswerable, match="listeners"):
        many()
    question = OpenListener(first_port=20000, last_port=20063, seconds=0.3)
    assert open_listener(question, terms(caller=Caller("dns:other", EVERY_ROLE))).port
    time.sleep(0.5)
    # Those that ended gave their places back, and so does one that cannot listen.
    for _ in range(listening.MAX_LISTENERS + 1):
        assert listen(free_port, address="192.0.2.1").port == 0
    assert listen(free_port, address="127.0.0.1", seconds=0.1).port
