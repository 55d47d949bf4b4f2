"""What stands in for agents that cannot be asked: the incoming VM and the probes' answers."""

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit.v1.comparator_service_pb2 import CheckRequest
from vmfit.v1.finding_pb2 import Answer
from vmfit_comparator.engine import Engine
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.facts import BUILT_IN


def request():
    wanted = CheckRequest(facts=["domain.name_uuid", "net.host_name"])
    wanted.source.snapshot.CopyFrom(source_snapshot())
    wanted.destination.snapshot.CopyFrom(destination_snapshot())
    wanted.vm.description.CopyFrom(vm())
    return wanted


def answers(response):
    return {each.fact: Answer.Name(each.answer) for each in response.findings}


def check(wanted):
    with Engine(facts=BUILT_IN) as engine:
        return engine.check(wanted)


def test_probes_answers_count_as_if_agents_had_given_them():
    assert answers(check(request()))["net.host_name"] != "ANSWER_NO"
    wanted = request()
    wanted.probes.destination_name.name = "beta.example.net"
    wanted.probes.destination_name.answer.reason = "no such name"
    assert answers(check(wanted))["net.host_name"] == "ANSWER_NO"


def test_the_incoming_vm_is_the_one_that_was_given():
    wanted = request()
    taken = wanted.destination.snapshot.domains.vms.add(name="taken", uuid="9" * 36)
    assert answers(check(wanted))["domain.name_uuid"] == "ANSWER_YES"
    wanted.incoming.CopyFrom(vm())
    wanted.incoming.name = taken.name
    assert answers(check(wanted))["domain.name_uuid"] == "ANSWER_NO"


@pytest.mark.parametrize("field", ["incoming", "probes"])
def test_an_agent_says_so_itself(tmp_path, field):
    wanted = request()
    getattr(wanted, field).SetInParent()
    with FakeAgent(tmp_path / "b", destination_snapshot()) as agent:
        wanted.destination.address = agent.address
        with pytest.raises(EngineError, match=f"^{field}: .* has an agent") as caught:
            check(wanted)
    assert (caught.value.code.name, caught.value.field) == ("INVALID_ARGUMENT", field)


@pytest.mark.parametrize("field", ["incoming", "probes"])
def test_more_than_can_be_looked_at_is_refused(field):
    wanted = request()
    many = getattr(wanted, field)
    for number in range(5000):
        many.disks.add(target=f"vd{number}")
    with pytest.raises(EngineError) as caught:
        check(wanted)
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert caught.value.field.startswith(f"{field}.disks")
