"""The Comparator service over a real connection."""

import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.calibration_pb2 import ReportOutcomeRequest
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.rpcs import COMPARATOR
from vmfit_comparator.engine import Engine
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.hosts.inventory import parse_inventory
from vmfit_comparator.server import ComparatorServer
from vmfit_contract.address import Address, parse_address
from vmfit_contract.channel import connect
from vmfit_contract.errors import cause_of, describe
from vmfit_contract.listening import ListenError, TakenError
from vmfit_contract.reasons import Reason


@pytest.fixture
def agents(tmp_path):
    with (
        FakeAgent(tmp_path / "a", source_snapshot(), [vm()]) as source,
        FakeAgent(tmp_path / "b", destination_snapshot()) as destination,
    ):
        yield source, destination


@pytest.fixture
def channel(tmp_path, agents):
    hosts = {"alpha": {"address": agents[0].address}, "beta": {"address": agents[1].address}}
    with Engine(parse_inventory(hosts)) as engine:
        server = ComparatorServer(engine, [Address(path=str(tmp_path / "comparator"))])
        server.start()
        with connect(server.addresses[0]) as channel:
            yield channel
        server.stop(0)


@pytest.fixture
def stub(channel):
    return ComparatorStub(channel)


_HOSTS = {"source": {"name": "alpha"}, "destination": {"name": "beta"}}


def test_all_calls(stub):
    assert [each.id for each in stub.ListFacts(messages.ListFactsRequest()).facts] == list(BUILT_IN)
    request = messages.CheckRequest(**_HOSTS, vm={"name_or_uuid": vm().name})
    response = stub.Check(request, timeout=10)
    assert [each.fact for each in response.findings] == list(BUILT_IN)
    assert not [each for each in response.findings if each.error]
    assert response.subject.destination_host == "beta"
    rank = messages.RankRequest(
        source={"name": "alpha"}, destinations=[{"name": "beta"}], vm={"description": vm()}
    )
    assert stub.Rank(rank).checks[0].subject.destination_host == "beta"
    diff = messages.DiffRequest(left={"name": "alpha"}, right={"name": "beta"})
    differences = stub.Diff(diff)
    assert (differences.left_host, differences.right_host) == ("alpha", "beta")
    assert "identity.hostname" in [each.path for each in differences.differences]
    baseline = stub.Baseline(messages.BaselineRequest(hosts=[{"name": "alpha"}, {"name": "beta"}]))
    assert [each.host for each in baseline.hosts] == ["alpha", "beta"]
    assert [each.hostname for each in stub.ListHosts(messages.ListHostsRequest()).hosts] == [
        "alpha",
        "beta",
    ]
    snapshot = stub.GetHostSnapshot(messages.GetHostSnapshotRequest(host={"name": "beta"}))
    assert snapshot.snapshot.identity.hostname == "beta"


@pytest.mark.parametrize(
    ("call", "request_message", "code", "line"),
    [
        (
            "Check",
            messages.CheckRequest(**_HOSTS, vm={"name_or_uuid": "nobody"}),
            "NOT_FOUND",
            "vm.name_or_uuid: host alpha: no domain 'nobody'",
        ),
        (
            "Check",
            messages.CheckRequest(
                **_HOSTS, vm={"description": vm()}, facts=["cpu.*", "cpu.featurs"]
            ),
            "INVALID_ARGUMENT",
            "facts[1]: no such fact: 'cpu.featurs'",
        ),
        (
            "Diff",
            messages.DiffRequest(left={"name": "alpha"}, right={"name": "gamma"}),
            "INVALID_ARGUMENT",
            "right.name: no host 'gamma' in the inventory",
        ),
        (
            "Diff",
            messages.DiffRequest(left={"name": "alpha"}, right={"name": "beta"}, parts=["x"]),
            "INVALID_ARGUMENT",
            "parts[0]: no such part: 'x'",
        ),
        ("Baseline", messages.BaselineRequest(), "INVALID_ARGUMENT", "hosts: names no host"),
        (
            "GetHostSnapshot",
            messages.GetHostSnapshotRequest(host={"address": "unix:/nonexistent/socket"}),
            "UNAVAILABLE",
            "host unix:/nonexistent/socket: unavailable",
        ),
        (
            "GetHostSnapshot",
            messages.GetHostSnapshotRequest(host={"name": "alpha"}, at={"seconds": 1}),
            "UNIMPLEMENTED",
            "host.at: alpha can only be asked for the present",
        ),
    ],
)
def test_errors_name_the_field(stub, call, request_message, code, line):
    with pytest.raises(grpc.RpcError) as caught:
        getattr(stub, call)(request_message, timeout=10)
    assert caught.value.code().name == code
    assert line in describe(caught.value)
    assert "\n" not in describe(caught.value)


def test_deadlines_propagate(stub, agents):
    agents[1].gate.clear()
    request = messages.CheckRequest(**_HOSTS, vm={"name_or_uuid": vm().name})
    started = time.monotonic()
    response = stub.Check(request, timeout=1)
    assert time.monotonic() - started < 1
    assert [(each.host, each.error) for each in response.subject.errors] == [
        ("beta", "did not answer in time")
    ]


def test_health_and_reflection(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for name in ("", COMPARATOR):
        answer = health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = reflection.ServerReflectionInfo(iter([request]))
    assert COMPARATOR in [each.name for each in answer.list_services_response.service]


def test_addresses(tmp_path):
    with Engine() as engine:
        with pytest.raises(ListenError, match="--insecure"):
            ComparatorServer(engine, [parse_address("127.0.0.1:0", 1)]).start()
        server = ComparatorServer(engine, [parse_address("127.0.0.1:0", 1)], insecure=True)
        server.start()
        (address,) = server.addresses
        assert address.port > 0
        with pytest.raises(TakenError, match=f":{address.port}: cannot listen: Address already"):
            ComparatorServer(engine, [address], insecure=True).start()
        server.stop(0)


GONE = {"address": "unix:/nonexistent/agent"}


@pytest.mark.parametrize(
    ("call", "request_", "reason", "metadata"),
    [
        (
            "Check",
            messages.CheckRequest(source={"name": "alfa"}, destination={"name": "beta"}),
            Reason.HOST_UNKNOWN,
            {"host": "alfa"},
        ),
        (
            "Check",
            messages.CheckRequest(**_HOSTS, vm={"name_or_uuid": "zebra"}),
            Reason.VM_UNKNOWN,
            {"host": "alpha", "vm": "zebra"},
        ),
        (
            "Check",
            messages.CheckRequest(**_HOSTS, vm={"name_or_uuid": vm().name}, facts=["cpu.x"]),
            Reason.FACT_UNKNOWN,
            {},
        ),
        (
            "Check",
            messages.CheckRequest(**_HOSTS, vm={"name_or_uuid": "x"}, policy={"name": "lax"}),
            Reason.POLICY_UNKNOWN,
            {"policy": "lax"},
        ),
        (
            "Check",
            messages.CheckRequest(
                **_HOSTS, vm={"name_or_uuid": "x"}, policy={"inline": {"extends": "lax"}}
            ),
            Reason.POLICY_UNUSABLE,
            {},
        ),
        (
            "Check",
            messages.CheckRequest(
                source=GONE, destination={"name": "beta"}, vm={"name_or_uuid": "x"}
            ),
            Reason.AGENT_UNREACHABLE,
            {"host": GONE["address"]},
        ),
        (
            "Diff",
            messages.DiffRequest(left=GONE, right={"name": "beta"}),
            Reason.AGENT_UNREACHABLE,
            {"host": GONE["address"]},
        ),
        (
            "Diff",
            messages.DiffRequest(left={"name": "alpha"}, right={"name": "beta"}, parts=["x"]),
            Reason.PART_UNKNOWN,
            {"part": "x"},
        ),
        (
            "GetHostSnapshot",
            messages.GetHostSnapshotRequest(host={"name": "alpha"}, at={"seconds": 1}),
            Reason.PAST_NOT_KEPT,
            {},
        ),
        (
            "ReportOutcome",
            ReportOutcomeRequest(check_id="0" * 16, outcome="MIGRATION_OUTCOME_MIGRATED"),
            Reason.STORE_MISSING,
            {},
        ),
    ],
)
def test_programs_are_told_why(stub, call, request_, reason, metadata):
    with pytest.raises(grpc.RpcError) as caught:
        getattr(stub, call)(request_, timeout=10)
    cause = cause_of(caught.value)
    assert (cause.reason, cause.metadata) == (reason, metadata)
    assert (cause.retry_seconds is not None) == (reason == Reason.AGENT_UNREACHABLE)


def test_a_dead_host_is_an_answer_with_a_reason(stub):
    request = messages.CheckRequest(
        source={"name": "alpha"}, destination=GONE, vm={"name_or_uuid": vm().name}
    )
    (error,) = stub.Check(request, timeout=10).subject.errors
    assert (error.host, error.reason) == (GONE["address"], "AGENT_UNREACHABLE")
