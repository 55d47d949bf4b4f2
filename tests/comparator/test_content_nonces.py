"""By which nonces the hosts of a check key their hashes of content: those of all of them."""

import secrets
import time

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent, described
from tests.comparator.made_facts import made
from vmfit.v1.comparator_service_pb2 import CheckRequest, HostReference, RankRequest, VmReference
from vmfit_comparator import Engine
from vmfit_comparator.evaluation.result import yes
from vmfit_contract.content_key import MAX_NONCES


@made("test.anything")
def _anything(_migration):
    """Answer."""
    return yes("as ever")


@pytest.fixture
def agents(tmp_path):
    with (
        FakeAgent(tmp_path / "a", source_snapshot(), [vm()]) as source,
        FakeAgent(tmp_path / "b", destination_snapshot()) as destination,
    ):
        destination.described_xml = described(vm())
        yield source, destination


@pytest.fixture
def engine():
    with Engine(facts={_anything.id: _anything}, agent_timeout_seconds=5) as engine:
        yield engine


def check(engine, agents):
    source, destination = (HostReference(address=each.address) for each in agents)
    reference = VmReference(name_or_uuid=vm().name)
    return engine.check(CheckRequest(source=source, destination=destination, vm=reference))


def nonces(agent):
    return [set(each.content_nonces) for each in agent.described]


def test_all_hosts_are_given_all_nonces(agents, engine):
    both = {each.nonce for each in agents}
    for _ in range(2):  # The first check is the first that is heard of either.
        assert check(engine, agents).subject.errors == []
    assert nonces(agents[0]) == nonces(agents[1]) == [both] * 2


def test_an_agent_that_was_started_again_describes_without(agents, engine):
    check(engine, agents)
    for each in agents:
        each.nonce = secrets.token_bytes(32)
        each.described.clear()
    assert check(engine, agents).subject.errors == []
    assert nonces(agents[0])[-1] == nonces(agents[1])[-1] == set()
    for each in agents:
        each.described.clear()
    check(engine, agents)
    assert nonces(agents[0]) == nonces(agents[1]) == [{each.nonce for each in agents}]


def test_an_agent_without_nonces_is_given_none(agents, engine):
    agents[1].nonce = b""
    check(engine, agents)
    assert nonces(agents[0]) == [{agents[0].nonce}]
    assert nonces(agents[1]) == [set()]


def test_a_silent_destination_costs_the_source_half_a_second_at_most(agents, engine):
    source, destination = agents
    destination.gate.clear()
    began = time.monotonic()
    pending = []
    source.on_describe = lambda: pending.append(time.monotonic() - began)
    response = check(engine, agents)
    assert [each.host for each in response.subject.errors] == [destination.address]
    assert pending[0] < 2
    assert nonces(source) == [{source.nonce}]


def test_the_hosts_of_a_rank_have_one_key(tmp_path, agents, engine):
    with FakeAgent(tmp_path / "c", destination_snapshot()) as third:
        third.described_xml = described(vm())
        everybody = [*agents, third]
        engine.rank(
            RankRequest(
                source=HostReference(address=agents[0].address),
                destinations=[HostReference(address=each.address) for each in everybody[1:]],
                vm=VmReference(name_or_uuid=vm().name),
            )
        )
        for each in everybody:
            assert nonces(each) == [{one.nonce for one in everybody}]
    assert len(everybody) < MAX_NONCES
