"""Both clients over a real connection: what they ask, and what they make of what has no answer."""

import asyncio
import inspect
from datetime import UTC, datetime

import grpc
import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from vmfit.v1.calibration_pb2 import MIGRATION_OUTCOME_MIGRATED
from vmfit.v1.policy_pb2 import Policy
from vmfit_client import AsyncClient, Client, Reason, VmfitError
from vmfit_contract.snapshot_file import write_snapshot

HOSTS = {"source": "alpha", "destination": "beta"}


@pytest.fixture
def client(server):
    with Client(server) as client:
        yield client


def test_both_clients_offer_the_same():
    def offered(kind):
        return {
            name: inspect.signature(each)
            for name, each in vars(kind).items()
            if not name.startswith("_")
        }

    assert offered(Client) == offered(AsyncClient)


def test_check(client):
    answer = client.check(vm().name, **HOSTS)
    assert answer.verdict.acceptable
    assert answer.subject.destination_host == "beta"


def test_hosts_and_vms_by_content(client, tmp_path):
    file = tmp_path / "beta.json"
    write_snapshot(destination_snapshot(), file)
    answer = client.check(vm(), source=source_snapshot(), destination=file, facts=["cpu.*"])
    assert {each.fact.split(".")[0] for each in answer.findings} == {"cpu"}


def test_policy_by_content_and_by_name(client):
    strict = Policy(name="mine")
    assert client.check(vm().name, **HOSTS, policy=strict).verdict.policy == "mine"
    assert client.check(vm().name, **HOSTS, policy="permissive").verdict.policy == "permissive"


def test_rank(client):
    answer = client.rank(vm().name, source="alpha", destinations=["beta", "alpha"])
    assert [each.subject.destination_host for each in answer.checks] == ["beta", "alpha"]


def test_other_questions(client):
    assert {each.name for each in client.hosts()} == {"alpha", "beta"}
    assert "cpu.features" in {each.id for each in client.facts()}
    assert client.diff("alpha", "beta", parts=["cpu"]).left_host
    assert client.baseline(["alpha", "beta"]).features
    assert client.snapshot("alpha", parts=["cpu"]).cpu.architecture == "x86_64"


@pytest.mark.parametrize(
    ("wrong", "code", "reason"),
    [
        ({"destination": "gamma"}, grpc.StatusCode.INVALID_ARGUMENT, Reason.HOST_UNKNOWN),
        ({"vm": "nobody"}, grpc.StatusCode.NOT_FOUND, Reason.VM_UNKNOWN),
        ({"facts": ["cpu.nothing"]}, grpc.StatusCode.INVALID_ARGUMENT, Reason.FACT_UNKNOWN),
        ({"policy": "lenient"}, grpc.StatusCode.INVALID_ARGUMENT, Reason.POLICY_UNKNOWN),
    ],
)
def test_what_was_asked_wrongly_is_not_asked_twice(client, wrong, code, reason):
    asked = {"vm": vm().name, **HOSTS, **wrong}
    with pytest.raises(VmfitError) as raised:
        client.check(asked.pop("vm"), **asked)
    assert (raised.value.code, raised.value.reason) == (code, reason)
    assert raised.value.retry_seconds is None


def test_no_store_no_outcome(client):
    with pytest.raises(VmfitError) as raised:
        client.report_outcome("x", MIGRATION_OUTCOME_MIGRATED)
    assert raised.value.reason == Reason.STORE_MISSING


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda client, path: client.snapshot(path / "none.json"), "host: .*cannot be read"),
        (lambda client, _: client.snapshot("[::1"), "host: address"),
        (lambda client, path: client.check(path / "a.xml", **HOSTS), "vm: .*a.xml: cannot be read"),
        (
            lambda client, _: client.rank("a", source="alpha", destinations=["b", "c:d"]),
            r"destinations\[1\]: address 'c:d'",
        ),
        (
            lambda client, _: client.snapshot("alpha", at=datetime(2026, 11, 1)),  # noqa: DTZ001
            "at: 2026-11-01T00:00:00 has no time zone",
        ),
    ],
)
def test_what_cannot_be_sent(client, tmp_path, ask, message):
    with pytest.raises(VmfitError, match=message) as raised:
        ask(client, tmp_path)
    assert raised.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_the_past_needs_a_comparator_that_keeps_it(client):
    with pytest.raises(VmfitError) as raised:
        client.snapshot("alpha", at=datetime(2026, 11, 1, tzinfo=UTC))
    assert raised.value.retry_seconds is None


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_limit_that_is_no_time(server, seconds):
    with (
        Client(server, timeout=seconds) as client,
        pytest.raises(VmfitError, match=r"timeout: .* is not a number of seconds above 0"),
    ):
        client.facts()


@pytest.mark.parametrize("server", ["", "a b", "[::1", "unix:"])
def test_an_address_that_is_none(server):
    with pytest.raises(VmfitError, match="server: address"):
        Client(server)


def test_certificates_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "vmfit_client.connection.default_client_files",
        lambda: [tmp_path / each for each in ("cert.pem", "key.pem", "ca.pem")],
    )
    with pytest.raises(VmfitError, match=r"server: .*cert\.pem"):
        Client("comparator.example.com")


def test_asyncio(server):
    async def ask():
        async with AsyncClient(server) as client:
            answers = await asyncio.gather(
                *(client.check(vm().name, **HOSTS) for _ in range(8)),
                client.rank(vm().name, source="alpha", destinations=["beta"]),
            )
            with pytest.raises(VmfitError) as raised:
                await client.check("nobody", **HOSTS)
            return answers, raised.value, await client.facts(), await client.hosts()

    answers, error, facts, hosts = asyncio.run(ask())
    assert all(each.verdict.acceptable for each in answers[:8])
    assert [each.verdict.acceptable for each in answers[8].checks] == [True]
    assert error.reason == Reason.VM_UNKNOWN
    assert len(facts) > 100
    assert len(hosts) == 2


def test_rank_by_patterns_of_names(client):
    answer = client.rank(vm().name, source="alpha", destination_names=["b*"], verdicts_only=True)
    (check,) = answer.checks
    assert check.subject.destination_host == "beta"
    assert check.verdict.acceptable
    assert not check.findings


def test_another_limit_of_time_over_the_same_connection(client):
    with pytest.raises(VmfitError, match=r"deadline|time"):
        client.within(1e-6).check(vm().name, **HOSTS)
    assert client.within(20).check(vm().name, **HOSTS).verdict.acceptable
