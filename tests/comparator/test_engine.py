"""The engine over two live agents, over files, and over everything that goes wrong."""

import threading
import time

import grpc
import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent, described
from tests.comparator.made_facts import made
from vmfit.v1.comparator_service_pb2 import (
    CheckRequest,
    GetHostSnapshotRequest,
    HostReference,
    RankRequest,
    VmReference,
)
from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.options_pb2 import Volatility
from vmfit_comparator import Engine, EngineError
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import field_path
from vmfit_comparator.evaluation.result import no, yes
from vmfit_comparator.hosts.inventory import parse_inventory
from vmfit_comparator.policies.policy_file import parse_policy
from vmfit_contract.json_text import to_json

SEEN = []


@made("test.memory", needs=("destination.memory.available_bytes", "vm.memory"))
def _memory(migration):
    """See everything that the engine makes."""
    SEEN.append(migration)
    return yes("enough")


@made("test.reachable")
def _reachable(migration):
    """Say who is unreachable."""
    ages = migration.ages
    errors = {"source": ages.source_error, "destination": ages.destination_error}
    gone = ", ".join(f"{side}: {why}" for side, why in errors.items() if why)
    return no(gone) if gone else yes("both answer")


@made("test.paths", needs=("incoming.disks.source.path.exists",))
def _paths(migration):
    """Need what the destination sees behind the paths."""
    return yes("seen")


FACTS = {each.id: each for each in (_memory, _reachable, _paths)}


@pytest.fixture
def agents(tmp_path):
    SEEN.clear()
    with (
        FakeAgent(tmp_path / "a", source_snapshot(), [vm()]) as source,
        FakeAgent(tmp_path / "b", destination_snapshot()) as destination,
    ):
        yield source, destination


@pytest.fixture
def engine():
    with Engine(facts=FACTS, agent_timeout_seconds=5) as engine:
        yield engine


def _request(agents, **fields):
    source, destination = agents
    return CheckRequest(
        **{
            "source": HostReference(address=source.address),
            "destination": HostReference(address=destination.address),
            "vm": VmReference(name_or_uuid=vm().name),
            **fields,
        }
    )


def _answers(response):
    return {
        each.fact: Answer.Name(each.answer).removeprefix("ANSWER_") for each in response.findings
    }


def _error(call, *arguments, **keywords):
    with pytest.raises(EngineError) as caught:
        call(*arguments, **keywords)
    assert "\n" not in str(caught.value)
    return caught.value


def test_check(agents, engine):
    source, destination = agents
    arriving = described(vm())
    arriving.disks[0].source.path.exists = True
    destination.described_xml = arriving
    response = engine.check(_request(agents))
    assert _answers(response) == dict.fromkeys(FACTS, "YES")
    assert response.verdict.answer == Answer.ANSWER_YES
    assert response.verdict.acceptable
    assert response.subject.vm_name == vm().name
    assert response.subject.source_host == source.address
    assert [each.xml for each in destination.described] == [source.xml]
    (seen,) = SEEN
    assert abs(seen.clock.difference_seconds) < 0.5
    assert seen.incoming == arriving
    assert 0 <= seen.ages.source_seconds < 1


def test_unchanged_parts_are_sent_once(agents, engine):
    source, _ = agents
    engine.check(_request(agents))
    engine.check(_request(agents))
    assert not source.requests[0].known_digests
    assert dict(source.requests[1].known_digests) == {
        each.name: each.digest for each in source.snapshot.parts
    }
    first, second = SEEN
    assert first.source.cpu == second.source.cpu == source.snapshot.cpu
    assert not any(each.unchanged for each in second.source.parts)
    source.snapshot.cpu.vendor = "Changed"
    next(each for each in source.snapshot.parts if each.name == "cpu").digest = "11" * 16
    engine.check(_request(agents))
    assert SEEN[2].source.cpu.vendor == "Changed"
    assert SEEN[1].source.cpu.vendor != "Changed"


def test_old_parts_are_collected_anew(agents, engine):
    source, destination = agents
    destination.part_age_seconds = {"memory": 100_000, "cpu": 100_000}
    engine.check(_request(agents))
    (renewal,) = [each for each in destination.requests if each.HasField("max_age")]
    # A day is nothing for a processor's features, and too much for a governor's state.
    assert "memory" in renewal.parts
    assert "identity" not in renewal.parts
    assert not any(each.HasField("max_age") for each in source.requests)
    ages = {
        each.name: SEEN[0].destination.taken_at.seconds - each.collected_at.seconds
        for each in SEEN[0].destination.parts
    }
    assert ages["memory"] <= 1


def test_a_hung_collector_costs_its_own_part_alone(agents, engine):
    destination = agents[1]
    destination.part_age_seconds = {"memory": 100_000}
    destination.cannot_collect = True
    response = engine.check(_request(agents), timeout_seconds=2)
    assert not [each for each in response.subject.errors if "time" in each.error]
    assert _answers(response)["test.memory"] == "NO_IDEA"
    assert SEEN[0].destination.memory == destination.snapshot.memory


def test_a_slow_answer_says_little_about_the_clock(agents, engine):
    destination = agents[1]
    destination.delay_seconds = 0.1
    destination.clock_offset_seconds = 50
    engine.check(_request(agents))
    # A clock so far off may be that of an answer given long ago: a second one must follow it.
    assert [list(each.parts) for each in destination.requests] == [[], ["identity"], ["clock"]]
    assert SEEN[0].clock.difference_seconds == pytest.approx(50, abs=0.2)


def test_clocks_apart_do_not_make_old(agents, engine):
    destination = agents[1]
    destination.clock_offset_seconds = -7200
    response = engine.check(_request(agents))
    (seen,) = SEEN
    assert seen.clock.difference_seconds == pytest.approx(-7200, abs=0.5)
    assert seen.clock.uncertainty_seconds < 0.5
    assert _answers(response)["test.memory"] == "YES"


def test_dead_destination_is_named(agents, engine):
    agents[1].stop()
    response = engine.check(_request(agents))
    answers = _answers(response)
    assert answers == {"test.memory": "NO_IDEA", "test.reachable": "NO", "test.paths": "NO_IDEA"}
    (error,) = response.subject.errors
    assert error.host == agents[1].address
    assert "unavailable" in error.error
    memory = next(each for each in response.findings if each.fact == "test.memory")
    assert "destination's agent" in memory.reason
    assert not response.verdict.acceptable


def test_agent_dying_mid_answer_is_named(agents, engine):
    agents[1].dies = True
    response = engine.check(_request(agents))
    assert "Socket closed" in response.subject.errors[0].error
    assert _answers(response)["test.memory"] == "NO_IDEA"


def test_dead_source_cannot_tell_the_vm(agents, engine):
    agents[0].stop()
    error = _error(engine.check, _request(agents))
    assert error.code is grpc.StatusCode.UNAVAILABLE
    assert agents[0].address in str(error)
    described_vm = VmReference(description=vm())
    response = engine.check(_request(agents, vm=described_vm))
    assert [each.host for each in response.subject.errors] == [agents[0].address]
    assert _answers(response)["test.reachable"] == "NO"


def test_slow_agent_is_named_within_the_callers_time(agents, engine):
    agents[1].gate.clear()
    started = time.monotonic()
    response = engine.check(_request(agents), timeout_seconds=1)
    assert time.monotonic() - started < 1
    assert "in time" in response.subject.errors[0].error


def test_two_callers_share_one_answer(agents, engine):
    source = agents[0]
    source.gate.clear()
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(engine.check(_request(agents))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 5
    while len(source.described) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    source.gate.set()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len([each for each in source.requests if not each.parts]) == 1


def test_a_waiting_caller_outlives_an_impatient_one(agents, engine):
    source, _ = agents
    source.gate.clear()
    errors = []

    def impatient():
        try:
            engine.host_snapshot(GetHostSnapshotRequest(host={"address": source.address}), 0.2)
        except EngineError as error:
            errors.append(error)

    first = threading.Thread(target=impatient)
    first.start()
    time.sleep(0.05)
    threading.Timer(0.4, source.gate.set).start()
    response = engine.host_snapshot(GetHostSnapshotRequest(host={"address": source.address}), 5)
    first.join()
    assert response.snapshot.identity.hostname == "alpha"
    assert "in time" in str(errors[0])


def test_another_machine_answers(agents, engine):
    destination = agents[1]
    engine.check(_request(agents))
    destination.snapshot.identity.machine_id = "f" * 32
    status = next(each for each in destination.snapshot.parts if each.name == "identity")
    status.digest = "22" * 16
    error = _error(engine.check, _request(agents))
    assert error.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "f" * 32 in str(error)
    assert "earlier as beta" in str(error)
    assert destination.address in str(error)


def test_inventory(agents):
    source, destination = agents
    hosts = {
        "one": {"address": source.address, "expect_hostname": "alpha"},
        "two": {"address": destination.address, "expect_hostname": "gamma"},
        "three": {"address": "unix:/nonexistent/socket"},
    }
    with Engine(parse_inventory(hosts), facts=FACTS) as engine:
        rows = {each.name: each for each in engine.list_hosts().hosts}
        assert list(rows) == ["one", "two", "three"]
        assert rows["one"].reachable
        assert rows["one"].hostname == "alpha"
        assert "expected gamma" in rows["two"].error
        assert not rows["three"].reachable
        assert "unavailable" in rows["three"].error
        names = {"source": HostReference(name="one"), "destination": HostReference(name="two")}
        error = _error(engine.check, _request(agents, **names))
        assert str(error).startswith("host two: answers as beta")
        error = _error(engine.check, _request(agents, destination=HostReference(name="four")))
        assert error.field == "destination.name"


def test_destination_that_cannot_describe(agents, engine):
    response = engine.check(_request(agents))
    assert _answers(response)["test.paths"] == "NO_IDEA"
    assert "could not describe the VM there" in response.subject.errors[0].error
    (seen,) = SEEN
    path = seen.incoming.disks[0].source.path
    assert path.path == vm().disks[0].source.path.path
    assert not path.HasField("exists")
    assert not path.HasField("filesystem")
    assert seen.vm == vm()


def test_changed_xml(agents, engine):
    changed = described(vm())
    changed.name = "renamed"
    request = _request(agents, options={"destination_xml": "<other/>"})
    error = _error(engine.check, request)
    assert error.field == "options.destination_xml"
    agents[1].described_xml = changed
    engine.check(request)
    assert SEEN[-1].incoming.name == "renamed"
    assert SEEN[-1].vm.name == vm().name
    assert agents[1].described[-1].xml == "<other/>"
    files = _files(request)
    assert _error(engine.check, files).field == "options.destination_xml"


def _files(request):
    files = CheckRequest()
    files.CopyFrom(request)
    files.source.snapshot.CopyFrom(source_snapshot())
    files.destination.snapshot.CopyFrom(destination_snapshot())
    files.vm.description.CopyFrom(vm())
    return files


def test_files_are_compared_as_of_the_newest(agents, engine):
    request = _files(_request(agents))
    later = request.source.snapshot.taken_at.seconds + 100
    request.destination.snapshot.taken_at.FromSeconds(later)
    response = engine.check(request)
    (seen,) = SEEN
    assert (seen.ages.source_seconds, seen.ages.destination_seconds) == (100, 0)
    assert not seen.clock.HasField("difference_seconds")
    assert response.subject.evaluated_at.seconds == later
    request.at.FromSeconds(later + 10_000)
    response = engine.check(request)
    assert SEEN[1].ages.destination_seconds == 10_000
    assert _answers(response)["test.memory"] == "NO_IDEA"


def test_vm_in_a_file(agents, engine):
    request = _files(_request(agents))
    guest = request.source.snapshot.domains.vms.add()
    guest.CopyFrom(vm())
    guest.connection_uri = "qemu:///system"
    request.vm.name_or_uuid = guest.uuid.upper()
    engine.check(request)
    assert SEEN[-1].ages.vm_from_snapshot
    request.vm.name_or_uuid = "nobody"
    error = _error(engine.check, request)
    assert (error.code, error.field) == (grpc.StatusCode.NOT_FOUND, "vm.name_or_uuid")
    request.vm.name_or_uuid = guest.name
    twin = request.source.snapshot.domains.vms.add()
    twin.CopyFrom(guest)
    twin.connection_uri = "qemu:///session"
    assert "qemu:///session" in str(_error(engine.check, request))
    request.source.snapshot.ClearField("domains")
    assert "no domains" in str(_error(engine.check, request))


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"vm": {"name_or_uuid": "nobody"}}, "NOT_FOUND", "vm.name_or_uuid"),
        ({"vm": {"xml": "<x"}}, "INVALID_ARGUMENT", "vm.xml"),
        ({"vm": {}}, "INVALID_ARGUMENT", "vm"),
        ({"source": {}}, "INVALID_ARGUMENT", "source"),
        ({"source": {"name": "x"}}, "INVALID_ARGUMENT", "source.name"),
        ({"source": {"address": "a:b:c"}}, "INVALID_ARGUMENT", "source.address"),
        ({"destination": {"address": "host:1"}}, "INVALID_ARGUMENT", "destination.address"),
        ({"facts": ["test.memory", "x.y"]}, "INVALID_ARGUMENT", "facts[1]"),
        ({"policy": {"name": "x"}}, "INVALID_ARGUMENT", "policy.name"),
        (
            {"policy": {"inline": {"facts": {"x.y": {}}}}},
            "INVALID_ARGUMENT",
            "policy.inline.facts.x.y",
        ),
        (
            {"policy": {"inline": {"facts": {"*": {"minimum_answer": 77}}}}},
            "INVALID_ARGUMENT",
            "policy.inline.facts.*.minimum_answer",
        ),
        ({"at": {"seconds": 5}}, "UNIMPLEMENTED", "at"),
        (
            {"source": {"snapshot": {"schema_revision": 99}}},
            "INVALID_ARGUMENT",
            "source.snapshot.schema_revision",
        ),
    ],
)
def test_bad_requests(agents, engine, fields, code, field):
    error = _error(engine.check, _request(agents, **fields))
    assert (error.code.name, error.field) == (code, field)


def test_newer_agent_is_refused(agents, engine):
    agents[1].snapshot.schema_revision = 3
    response = engine.check(_request(agents))
    assert "schema revision 3" in response.subject.errors[0].error


def test_rank(agents, tmp_path):
    source, destination = agents
    poor = destination_snapshot()
    poor.memory.ClearField("available_bytes")
    with FakeAgent(tmp_path / "c", poor) as third, Engine(facts=FACTS) as engine:
        request = RankRequest(
            source={"address": source.address},
            destinations=[
                {"address": "unix:/nonexistent/socket"},
                {"address": third.address},
                {"address": destination.address},
            ],
            vm={"name_or_uuid": vm().name},
            facts=["test.memory", "test.reachable"],
        )
        ranked = engine.rank(request).checks
        assert [each.subject.destination_host for each in ranked] == [
            destination.address,
            third.address,
            "unix:/nonexistent/socket",
        ]
        assert [each.verdict.acceptable for each in ranked] == [True, False, False]
        assert len(source.described) == 1
        destination.snapshot.identity.machine_id = "f" * 32
        identity = next(each for each in destination.snapshot.parts if each.name == "identity")
        identity.digest = "33" * 16
        ranked = engine.rank(request).checks
        wrong = [each for each in ranked if each.subject.destination_host == destination.address]
        assert "earlier as" in wrong[0].subject.errors[0].error
        assert wrong[0].verdict.answer == Answer.ANSWER_NO_IDEA
        del request.destinations[:]
        assert _error(engine.rank, request).field == "destinations"


def test_rank_of_the_inventory_by_patterns_and_the_best_alone(agents, tmp_path):
    source, destination = agents
    hosts = {
        "alpha": {"address": source.address},
        "rack1-a": {"address": destination.address},
        "rack1-b": {"address": "unix:/nonexistent/b"},
        "rack2-a": {"address": "unix:/nonexistent/c"},
    }
    with Engine(parse_inventory(hosts), facts=FACTS) as engine:
        request = RankRequest(
            source={"address": source.address},
            vm={"name_or_uuid": vm().name},
            facts=["test.memory", "test.reachable"],
            top_count=1,
            verdicts_only=True,
        )
        response = engine.rank(request)
        (best,) = response.checks
        assert best.subject.destination_host == "rack1-a"
        assert best.verdict.acceptable
        assert not best.findings
        assert response.host_count == 3
        (why,) = response.why_not
        assert (why.blocker, why.host_count, why.alone_count) == ("", 2, 2)
        assert why.example.startswith("rack1-b: unavailable: ")
        request.destination_names.append("rack2-*")
        assert engine.rank(request).host_count == 1
        request.destination_names[:] = ["rack3-*", "alpha"]
        error = _error(engine.rank, request)
        assert error.field == "destination_names"
        assert "rack3-*, alpha" in str(error)


def test_host_snapshot(agents, engine):
    request = GetHostSnapshotRequest(host={"address": agents[0].address}, parts=["cpu"])
    snapshot = engine.host_snapshot(request).snapshot
    assert snapshot.cpu == source_snapshot().cpu
    assert not snapshot.HasField("memory")
    assert [each.name for each in snapshot.parts] == ["cpu"]
    request.parts.append("cpus")
    assert _error(engine.host_snapshot, request).field == "parts[1]"
    past = GetHostSnapshotRequest(host={"address": agents[0].address}, at={"seconds": 1})
    assert _error(engine.host_snapshot, past).code is grpc.StatusCode.UNIMPLEMENTED


def test_list_facts(engine):
    rows = {each.id: each for each in engine.list_facts().facts}
    assert list(rows) == list(FACTS)
    assert rows["test.memory"].reads == ["destination.memory.available_bytes", "vm.memory"]
    assert rows["test.memory"].volatility == Volatility.VOLATILITY_VOLATILE
    assert rows["test.memory"].fresh_for.seconds == 120


def test_list_facts_of_configured_policies():
    policy = parse_policy("{name: ours, user_facts: [{id: site.x, expression: 'true'}]}")
    with Engine(policies=[policy], facts=FACTS) as engine:
        rows = {each.id: each for each in engine.list_facts().facts}
        assert list(rows) == [*FACTS, "site.x"]
        assert rows["site.x"].user_defined
        assert rows["site.x"].description == "`true`"


def test_answers_are_json(agents, engine):
    text = to_json(engine.check(_request(agents)))
    assert '"acceptable": false' in text or '"acceptable": true' in text


def test_skipped_facts_are_not_evaluated(agents, engine):
    request = _request(agents, policy={"inline": {"facts": {"test.memory": {"skip": True}}}})
    assert "test.memory" not in _answers(engine.check(request))
    assert SEEN == []


def test_user_facts_are_in_the_answer(agents, engine):
    own = {"id": "site.x", "expression": "source.identity.hostname == 'alpha'"}
    request = _request(agents, policy={"inline": {"user_facts": [own]}}, facts=["site.*"])
    assert _answers(engine.check(request)) == {"site.x": "YES"}


def test_fact_that_fails_costs_its_own_answer_alone(agents, caplog):
    def broken(migration):
        raise KeyError("x")

    bad = Fact("test.bad", "?", broken, needs=(field_path("vm.name"),))
    with Engine(facts={**FACTS, bad.id: bad}) as engine:
        response = engine.check(_request(agents))
    assert _answers(response)["test.bad"] == "NO_IDEA"
    assert _answers(response)["test.memory"] == "YES"
    assert "KeyError" in next(each.error for each in response.findings if each.error)


def test_closing_does_not_wait_for_a_hung_agent(agents):
    agents[1].gate.clear()
    started = time.monotonic()
    with Engine(facts=FACTS, agent_timeout_seconds=8) as engine:
        error = _error(engine.check, _request(agents, vm={"name_or_uuid": "nobody"}))
    assert error.code is grpc.StatusCode.NOT_FOUND
    assert time.monotonic() - started < 2
