"""Who may have which addresses asked."""

import grpc
import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit_comparator import Engine, EngineError
from vmfit_comparator.hosts.inventory import parse_inventory
from vmfit_comparator.service import Comparator
from vmfit_contract.access import LOCAL, PLAIN_TEXT, Caller, Role
from vmfit_contract.call_failed import CallFailed, Status

CHECKS = Caller("dns:scheduler.example", frozenset({Role.READ, Role.CHECK}))
ADMINISTERS = Caller("dns:admin.example", frozenset({Role.ADMINISTER}))
_HOST = {"address": "192.0.2.1"}
REQUESTS = [
    ("Check", messages.CheckRequest(source=_HOST, destination=_HOST), "source.address"),
    (
        "Check",
        messages.CheckRequest(source={"snapshot": source_snapshot()}, destination=_HOST),
        "destination.address",
    ),
    (
        "Rank",
        messages.RankRequest(source={"name": "alpha"}, destinations=[{"name": "alpha"}, _HOST]),
        "destinations[1].address",
    ),
    ("Diff", messages.DiffRequest(left={"name": "alpha"}, right=_HOST), "right.address"),
    ("Baseline", messages.BaselineRequest(hosts=[_HOST]), "hosts[0].address"),
    ("GetHostSnapshot", messages.GetHostSnapshotRequest(host=_HOST), "host.address"),
]


@pytest.fixture
def agent(tmp_path):
    with FakeAgent(tmp_path / "a", source_snapshot()) as agent:
        yield agent


@pytest.fixture
def inventory(agent):
    return parse_inventory({"alpha": {"address": agent.address}})


def _failure(engine, method, request, caller):
    if "vm" in request.DESCRIPTOR.fields_by_name:
        request.vm.description.CopyFrom(vm())
    with pytest.raises(CallFailed) as caught:
        Comparator(engine).answer(method, request.SerializeToString(), 1.0, caller)
    return caught.value


@pytest.mark.parametrize(("method", "request_message", "field"), REQUESTS)
def test_addresses_are_the_inventorys(inventory, method, request_message, field):
    with Engine(inventory, insecure=True) as engine:
        failure = _failure(engine, method, request_message, CHECKS)
    assert failure.status is Status.PERMISSION_DENIED
    assert failure.field == field
    assert "192.0.2.1:16530: it is not in the inventory" in str(failure)


@pytest.mark.parametrize("caller", [ADMINISTERS, LOCAL, PLAIN_TEXT])
def test_who_administers_may_name_any(agent, caller):
    request = messages.GetHostSnapshotRequest(host={"address": agent.address})
    with Engine() as engine:
        assert engine.host_snapshot(request, caller=caller).snapshot.identity.hostname == "alpha"


def test_settings_may_allow_any_but_sockets(agent):
    with Engine(insecure=True, any_address=True) as engine:
        request = messages.GetHostSnapshotRequest(host={"address": "127.0.0.1:9"})
        with pytest.raises(EngineError) as caught:
            engine.host_snapshot(request, 2, CHECKS)
        assert caught.value.code is grpc.StatusCode.UNAVAILABLE
        request.host.address = agent.address
        with pytest.raises(EngineError, match="may name a unix socket") as caught:
            engine.host_snapshot(request, 2, CHECKS)
        assert caught.value.code is grpc.StatusCode.PERMISSION_DENIED


def test_an_address_of_the_inventory_is_that_host(agent):
    inventory = parse_inventory({"a": {"address": agent.address, "expect_hostname": "beta"}})
    request = messages.GetHostSnapshotRequest(host={"address": agent.address})
    with Engine(inventory) as engine, pytest.raises(EngineError, match="expected beta"):
        engine.host_snapshot(request, 2, CHECKS)
    with Engine(parse_inventory({"a": {"address": agent.address}})) as engine:
        assert engine.host_snapshot(request, 2, CHECKS).snapshot.identity.hostname == "alpha"


def test_a_reload_changes_it(agent):
    request = messages.GetHostSnapshotRequest(host={"address": "127.0.0.1:9"})
    with Engine(insecure=True, any_address=True) as engine:
        engine.reconfigure(parse_inventory({}), (), 1.0)
        with pytest.raises(EngineError, match="not in the inventory"):
            engine.host_snapshot(request, 2, CHECKS)


def test_snapshots_need_no_inventory():
    request = messages.CheckRequest(vm={"description": vm()})
    request.source.snapshot.CopyFrom(source_snapshot())
    request.destination.snapshot.CopyFrom(destination_snapshot())
    with Engine() as engine:
        assert engine.check(request, 5, CHECKS).findings
