"""What agents say of their times and of who they are is believed as far as it holds together."""

import socket
import time

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from tests.comparator.raw_agents import bytes_agent
from tests.comparator.tls_agents import TlsAgent, server_files
from tests.tls_material import TestAuthority
from vmfit.v1.comparator_service_pb2 import CheckRequest, GetHostSnapshotRequest
from vmfit.v1.host_metadata_service_pb2 import GetSnapshotResponse
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.moments import Moments
from vmfit_comparator import Engine, EngineError
from vmfit_comparator.hosts import certified_names
from vmfit_comparator.hosts.agents import Agents
from vmfit_comparator.hosts.certified_names import names_the_host
from vmfit_comparator.hosts.host_answer import WrongHostError
from vmfit_comparator.hosts.succession import (
    Succession,
    SuccessionError,
    Told,
    monotonic_seconds,
    why_not_after,
)
from vmfit_contract.address import parse_address
from vmfit_contract.connector import Connector
from vmfit_contract.part_age import part_age_seconds
from vmfit_contract.tls_files import ClientTls

_DAY = 86400


def _told(since_boot, received, boot="a", took=0.01):
    return Told(boot, since_boot, received - took, received)


@pytest.mark.parametrize(
    ("earlier", "later", "reason"),
    [
        (_told(100, 1000), _told(160, 1060), ""),
        (_told(100, 1000), _told(160.5, 1060), ""),
        (_told(100, 1000), _told(100 + _DAY, 1000 + _DAY + 60), ""),
        (_told(100, 1000), _told(30, 1060, "b"), ""),
        (_told(100, 1000), _told(160, 1060, None), ""),
        # Asked side by side, they may arrive in any order.
        (_told(100, 1000, took=1), _told(99.9, 1000.1, took=1), ""),
        (_told(100, 1000), _told(100, 1000.1), "one was given before"),
        (_told(100, 1000), _told(99, 1001.5), "one was given before"),
        (_told(100, 1000), _told(101, 1060), "went on by 1.0 s in 60.0 s"),
        (_told(100, 1000), _told(100 + _DAY, 1060), "went on by 86400.0 s in 60.0 s"),
        (_told(100, 1000), _told(500, 1060, "b"), "it booted 500 s ago, and 60 s ago ran since"),
    ],
)
def test_what_follows_what(earlier, later, reason):
    assert bool(why_not_after(earlier, later)) == bool(reason)
    assert reason in why_not_after(earlier, later)


def test_an_answer_out_of_order_leaves_the_latest_in_place():
    answers = Succession()
    never = pytest.fail
    answers.accept(_told(100, 1000), 0, never)
    answers.accept(_told(99.5, 999.5, took=2), 0, never)
    answers.accept(_told(160, 1060), 0, never)
    with pytest.raises(SuccessionError):
        answers.accept(_told(100, 1061), 0, lambda: _told(100, 1062))


def _answer(age_seconds=0, **without):
    response = GetSnapshotResponse(snapshot=source_snapshot(), moment=Moments().now())
    taken = int((time.time() - age_seconds) * 1e9)
    response.snapshot.taken_at.FromNanoseconds(taken)
    response.moment.since_boot.seconds += 10**7 - age_seconds
    for status in response.snapshot.parts:
        status.collected_at.FromNanoseconds(taken)
        status.age.seconds = 0
    for path in without.get("without", ()):
        *above, last = path.split(".")
        message = response
        for each in above:
            message = message.parts[0] if each == "part" else getattr(message, each)
        message.ClearField(last)
    return response


def _request(address):
    return GetHostSnapshotRequest(host={"address": address})


def _refused(engine, address):
    with pytest.raises(EngineError) as caught:
        engine.host_snapshot(_request(address), 5)
    return str(caught.value)


def test_an_answer_of_last_month_is_not_believed():
    stored = _answer(30 * _DAY).SerializeToString()
    with bytes_agent(GetSnapshot=stored) as address, Engine(insecure=True) as engine:
        assert "its answers do not follow one another: one was given before" in _refused(
            engine, address
        )


def test_an_answer_is_not_believed_twice():
    stored = _answer().SerializeToString()
    with bytes_agent(GetSnapshot=stored) as address, Engine(insecure=True) as engine:
        engine.host_snapshot(_request(address))
        assert "do not follow one another" in _refused(engine, address)


def test_stored_and_new_answers_do_not_mix():
    stored = _answer(30 * _DAY).SerializeToString()
    asked = []

    def answer(_):
        asked.append(1)
        return stored if len(asked) == 2 else _answer().SerializeToString()

    with bytes_agent(GetSnapshot=answer) as address, Engine(insecure=True) as engine:
        engine.host_snapshot(_request(address))
        assert "clock since boot went on by 2592" in _refused(engine, address)
        # The next true answer is taken.
        engine.host_snapshot(_request(address))


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("snapshot.taken_at", "snapshot.taken_at: does not say when it was taken"),
        ("snapshot.part.age", "snapshot.parts[0].age: does not say how old the part is"),
        ("snapshot.identity", "does not say which machine it is"),
    ],
)
def test_answers_without_times_or_identity(path, complaint):
    stored = _answer(without=[path]).SerializeToString()
    with bytes_agent(GetSnapshot=stored) as address, Engine(insecure=True) as engine:
        assert complaint in _refused(engine, address)


def _of_before(age_seconds=0):
    """An answer of an agent that knows neither moments nor ages of parts."""
    response = _answer(age_seconds, without=["moment"])
    for part in response.snapshot.parts:
        part.ClearField("age")
    return response


def test_an_agent_of_before_is_believed_while_its_clock_goes_on():
    for age_seconds in (0, _DAY):
        with (
            bytes_agent(
                GetSnapshot=lambda _, age=age_seconds: _of_before(age).SerializeToString()
            ) as address,
            Engine(insecure=True) as engine,
        ):
            engine.host_snapshot(_request(address))
            engine.host_snapshot(_request(address))


def test_parts_of_an_agent_of_before_have_times():
    response = _of_before()
    response.snapshot.parts[2].ClearField("collected_at")
    with (
        bytes_agent(GetSnapshot=response.SerializeToString()) as address,
        Engine(insecure=True) as engine,
    ):
        assert "snapshot.parts[2].collected_at: does not say" in _refused(engine, address)


def test_an_answer_of_an_agent_of_before_is_not_believed_twice():
    for age_seconds in (0, 30 * _DAY):
        stored = _of_before(age_seconds).SerializeToString()
        with bytes_agent(GetSnapshot=stored) as address, Engine(insecure=True) as engine:
            if not age_seconds:
                engine.host_snapshot(_request(address))
            assert "do not follow one another" in _refused(engine, address)


def test_no_part_is_older_than_its_host_or_of_the_future():
    for seconds in (2 * 10**8, -1):
        response = _answer()
        response.snapshot.parts[3].age.seconds = seconds
        with (
            bytes_agent(GetSnapshot=response.SerializeToString()) as address,
            Engine(insecure=True) as engine,
        ):
            assert "snapshot.parts[3].age: " in _refused(engine, address)


def test_a_host_that_was_paused_or_booted_goes_on(tmp_path):
    with FakeAgent(tmp_path / "a", source_snapshot()) as agent, Engine() as engine:
        engine.host_snapshot(_request(agent.address))
        agent.boot_offset_seconds = -3600
        engine.host_snapshot(_request(agent.address))
        requests = len(agent.requests)
        agent.boot_id = "another"
        agent.boot_offset_seconds = -(10**7) - int(monotonic_seconds())
        engine.host_snapshot(_request(agent.address))
        assert len(agent.requests) == requests + 1


@pytest.mark.parametrize("jump", [-_DAY, _DAY])
@pytest.mark.parametrize("age", [1, 5000])
def test_a_clock_that_is_set_makes_nothing_fresh_or_old(tmp_path, jump, age):
    request = CheckRequest(vm={"description": vm()})
    with (
        FakeAgent(tmp_path / "a", source_snapshot()) as source,
        FakeAgent(tmp_path / "b", destination_snapshot()) as destination,
        Engine() as engine,
    ):
        request.source.address, request.destination.address = source.address, destination.address
        destination.cannot_collect = age > 1
        destination.part_age_seconds = {"memory": age}
        destination.clock_offset_seconds = destination.clock_was_set_by_seconds = jump
        response = engine.check(request, 3)
    ages = {each.path: each.age.ToSeconds() for each in response.subject.inputs}
    assert ages["destination.memory"] == pytest.approx(age, abs=4)
    assert ages["destination.cpu"] <= 4


def test_the_comparators_own_clock_may_be_set(tmp_path, monkeypatch):
    now = time.time
    request = CheckRequest(vm={"description": vm()})
    with (
        FakeAgent(tmp_path / "a", source_snapshot()) as source,
        FakeAgent(tmp_path / "b", destination_snapshot()) as destination,
        Engine() as engine,
    ):
        request.source.address, request.destination.address = source.address, destination.address
        calls = []

        def jumping():
            calls.append(1)
            return now() + _DAY * len(calls)

        monkeypatch.setattr("vmfit_comparator.comparison.time.time", jumping)
        response = engine.check(request)
    assert max(each.age.ToSeconds() for each in response.subject.inputs) <= 4


def test_ages_in_recordings():
    snapshot = Snapshot(taken_at={"seconds": 1000})
    status = snapshot.parts.add(name="cpu")
    assert part_age_seconds(status, snapshot.taken_at) is None
    status.collected_at.seconds = 990
    assert part_age_seconds(status, snapshot.taken_at) == 10
    # The clock was set back in between: the part is as old as that at least.
    status.collected_at.seconds = 1000 + _DAY
    assert part_age_seconds(status, snapshot.taken_at) == _DAY
    status.age.seconds = 3
    assert part_age_seconds(status, snapshot.taken_at) == 3


@pytest.mark.parametrize(
    ("names", "hostname", "is_named"),
    [
        (["alpha.example"], "alpha.example", True),
        (["alpha.example"], "Alpha.Example.", True),
        (["alpha.example"], "alpha", True),
        (["alpha"], "alpha.example", True),
        (["beta.example", "alpha.example"], "alpha", True),
        (["*.example"], "alpha.example", True),
        (["192.0.2.1", "fe80::1"], "alpha", False),
        (["localhost", "127.0.0.1"], "alpha", False),
        (["alpha.example"], "beta", False),
        (["alpha.example"], "alpha.other", False),
        (["*.example"], "alpha.other", False),
        (["alpha.example"], "alpha.example.evil", False),
        (["alpha.example"], "", False),
        (["192.0.2.1", "alpha.example"], "beta.example", False),
    ],
)
def test_names_in_certificates(names, hostname, is_named):
    assert names_the_host(names, hostname) is is_named


def test_a_host_is_the_one_that_its_certificate_names(tmp_path):
    authority = TestAuthority(tmp_path / "ca")
    agents = Agents(Connector(tls=ClientTls(server_files(authority.comparator()))))
    with TlsAgent(source_snapshot(), authority.agent("storage.example", "alpha.example")) as agent:
        address = parse_address(agent.address, 1)
        client = agents.client(address, tls_server_name="storage.example")
        assert client.identity(time.monotonic() + 10).identity.hostname == "alpha"
        agent.snapshot.identity.hostname = "beta"
        agent.snapshot.identity.machine_id = "0" * 32
        client = agents.client(address, tls_server_name="alpha.example")
        with pytest.raises(WrongHostError) as caught:
            client.snapshot({}, time.monotonic() + 10)
        assert str(caught.value) == (
            "answers as 'beta', but its certificate is for 'storage.example', 'alpha.example'; "
            "if both are right, say so by expect_hostname in the inventory"
        )
        expected = agents.client(address, "beta", "alpha.example")
        assert expected.identity(time.monotonic() + 10).identity.hostname == "beta"
    agents.close()


@pytest.mark.parametrize(
    ("name", "resolves", "is_taken"),
    [
        ("alpha", {}, True),
        ("alpha.example", {}, True),
        ("rack-1", {}, False),
        ("", {}, False),
        ("", {"alpha": "127.0.0.1"}, True),
        ("rack-1", {"alpha": "127.0.0.1"}, True),
        ("rack-1", {"alpha": "192.0.2.9"}, False),
    ],
)
def test_a_certificate_for_an_address_takes_no_host_of_another_name(
    tmp_path, monkeypatch, name, resolves, is_taken
):
    """Whoever has the address asked may not call itself as it likes."""

    def look_up(host, *_, **__):
        if host not in resolves:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (resolves[host], 0))]

    authority = TestAuthority(tmp_path / "ca")
    agents = Agents(Connector(tls=ClientTls(server_files(authority.comparator()))))
    monkeypatch.setattr(certified_names.socket, "getaddrinfo", look_up)
    with TlsAgent(source_snapshot(), authority.agent("127.0.0.1", "localhost")) as agent:
        address = parse_address(agent.address, 1)
        client = agents.client(address, None, "127.0.0.1", name)
        if is_taken:
            assert client.identity(time.monotonic() + 10).identity.hostname == "alpha"
        else:
            with pytest.raises(WrongHostError, match=r"names no host; .* by expect_hostname"):
                client.identity(time.monotonic() + 10)
        expected = agents.client(address, "alpha", "127.0.0.1", name)
        assert expected.identity(time.monotonic() + 10).identity.hostname == "alpha"
    agents.close()
