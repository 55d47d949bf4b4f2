"""Expressions that take too much cost themselves, and nothing else."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import psutil
import pytest

from tests.comparator.builders import destination_snapshot, migration, source_snapshot, vm
from vmfit.v1.comparator_service_pb2 import CheckRequest
from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.policy_pb2 import Policy
from vmfit_comparator import Engine, EngineError
from vmfit_comparator.evaluation.evaluator import evaluate
from vmfit_comparator.policies.cel import interpreter as interpreter_module
from vmfit_comparator.policies.cel.interpreter import Interpreter
from vmfit_comparator.policies.cel.scope import MIGRATION
from vmfit_comparator.policies.cel.texts import fields_named
from vmfit_comparator.policies.policy import resolve_policy
from vmfit_comparator.policies.policy_error import PolicyError

# More than the evaluation may take, much less than what 28 doublings would.
_ROOM_BYTES = 4 * 1024**3


def _doubling(levels):
    """An expression whose text doubles at each level."""
    text = "true"
    for level in range(levels, 0, -1):
        before = f"v{level - 1}" if level > 1 else "'ab'"
        text = f"[{before}+{before}].all(v{level}, {text})"
    return text


def _slow():
    """An expression that takes little memory and a minute."""
    twenty = list(range(20))
    text = f"{twenty}.exists(i, {twenty}.exists(j, v23.matches('(a|b|ab)*c')))"
    for level in range(23, 0, -1):
        before = f"v{level - 1}" if level > 1 else "'ab'"
        text = f"[{before}+{before}].all(v{level}, {text})"
    return text


def _policy(*expressions):
    policy = Policy()
    for number, each in enumerate(expressions):
        policy.user_facts.add(id=f"site.x{number}", expression=each)
    return policy


@pytest.fixture
def interpreter():
    interpreter = Interpreter()
    yield interpreter
    interpreter.close()


@pytest.fixture
def started(monkeypatch):
    """The processes that interpreters start."""
    found = []

    class Counted(interpreter_module.InterpreterProcess):
        def __init__(self):
            super().__init__()
            found.append(self)

    monkeypatch.setattr(interpreter_module, "InterpreterProcess", Counted)
    return found


@pytest.fixture
def little_memory():
    """At most so much more than this process, which other tests have filled, has already."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    room_bytes = psutil.Process().memory_info().vms + _ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (room_bytes, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def _findings(policy, interpreter):
    facts = resolve_policy(policy, {}, interpreter).facts.values()
    return evaluate(facts, migration())


def _peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _answers(findings):
    return [Answer.Name(each.answer).removeprefix("ANSWER_") for each in findings]


@pytest.mark.parametrize(
    ("costly", "reason"),
    [(_doubling(28), "more memory than"), (_slow(), "more time than")],
)
def test_a_costly_expression_costs_itself_alone(costly, reason, interpreter, little_memory):
    policy = _policy("vm.name != ''", costly, "options.offline")
    before = _peak_kib()
    findings = _findings(policy, interpreter)
    assert _answers(findings) == ["YES", "NO_IDEA", "NO"]
    assert reason in findings[1].reason
    assert _peak_kib() - before < 512 * 1024


def test_what_took_too_much_is_not_tried_again_at_once(interpreter, started):
    policy = _policy("true", _doubling(28))
    found = [_findings(policy, interpreter) for _ in range(5)]
    assert found == [found[0]] * 5
    # One that was not fresh, a fresh one, and one for all that came after.
    assert len(started) == 3


def test_many_costly_expressions_end_few_processes(interpreter, started):
    began = time.monotonic()
    policy = _policy(*(_doubling(28).replace("ab", f"ab{number}") for number in range(30)))
    findings = _findings(policy, interpreter)
    assert _answers(findings) == ["NO_IDEA"] * 30
    assert "others took too much before it" in findings[-1].reason
    assert len(started) <= 8
    assert time.monotonic() - began < 30


def test_an_ended_process_is_replaced(interpreter, started):
    policy = _policy("vm.name != ''")
    assert _answers(_findings(policy, interpreter)) == ["YES"]
    os.kill(started[0]._process.pid, signal.SIGKILL)
    assert _answers(_findings(policy, interpreter)) == ["YES"]
    assert [each.is_alive for each in started] == [False, True]


def test_processes_work_for_many(interpreter, started):
    policy = _policy("vm.name != ''")
    for _ in range(20):
        _findings(policy, interpreter)
    assert len(started) == 1
    interpreter.close()
    assert not started[0].is_alive


def test_a_process_ends_with_its_comparator():
    program = (
        "from vmfit_comparator.policies.cel.interpreter import Interpreter\n"
        "from vmfit_comparator.policies.cel.scope import MIGRATION\n"
        "interpreter = Interpreter()\n"
        "interpreter.compile(MIGRATION, ['true'])\n"
        "print(interpreter._idle[0]._process.pid, flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as comparator:
        process = Path("/proc", comparator.stdout.readline().decode().strip())
        assert process.exists()
        comparator.kill()
    end = time.monotonic() + 10
    while process.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not process.exists()


def test_without_expressions_no_process_is_started(started):
    request = CheckRequest(vm={"description": vm()})
    request.source.snapshot.CopyFrom(source_snapshot())
    request.destination.snapshot.CopyFrom(destination_snapshot())
    with Engine() as engine:
        for name in ("default", "conservative", "permissive"):
            request.policy.name = name
            assert engine.check(request).findings
        request.policy.inline.name = "mine"
        assert engine.check(request).findings
    assert started == []


def test_no_process_can_be_started(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    request = CheckRequest(vm={"description": vm()})
    request.source.snapshot.CopyFrom(source_snapshot())
    request.destination.snapshot.CopyFrom(destination_snapshot())
    request.policy.inline.CopyFrom(_policy("true"))
    with Engine() as engine, pytest.raises(EngineError, match="could not be started") as caught:
        engine.check(request)
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert caught.value.field == "policy.inline.user_facts[0].expression"


def test_inline_policies_keep_nobody_waiting(started):
    request = CheckRequest(vm={"description": vm()})
    request.source.snapshot.CopyFrom(source_snapshot())
    request.destination.snapshot.CopyFrom(destination_snapshot())
    ours = _policy("true")
    ours.name = "ours"
    with Engine(policies=[ours]) as engine:
        inline = CheckRequest()
        inline.CopyFrom(request)
        inline.policy.inline.CopyFrom(_policy(_slow()))
        request.policy.name = "ours"
        engine.check(request)
        assert len(started) == 1
        engine.check(inline)
        assert len(started) == 2
        began = time.monotonic()
        engine.check(request)
        assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        (_policy("[" * 33 + "]" * 33), "user_facts[0].expression: has more than 32 brackets"),
        (_policy(*["true"] * 101), "user_facts: more than 100"),
        (_policy(*["true || " * 500 + "true"] * 17), "user_facts: its expressions have more than"),
        (_policy("'" + "x" * 4096 + "'"), "user_facts[0].expression: is longer than 4096"),
        (Policy(name="x" * 257), "name: is longer than 256 characters"),
        (Policy(description="x" * 4097), "description: is longer than 4096 characters"),
        (Policy(user_facts=[{"id": "a." + "b" * 300}]), "user_facts[0].id: is longer than 256"),
        (
            Policy(user_facts=[{"id": "a.b", "reads": ["vm." + "b" * 300]}]),
            "user_facts[0].reads[0]: is longer than 256",
        ),
        (Policy(user_facts=[{"id": "a.b", "reads": ["vm"] * 101}]), "user_facts[0].reads: more"),
        (Policy(conditions=[{"name": str(n)} for n in range(101)]), "conditions: more than 100"),
        (Policy(facts={f"a.{n}": {} for n in range(2001)}), "facts: more than 2000"),
        (Policy(facts={"a" * 100_000: {}}), f"facts.{'a' * 256}: no such fact"),
    ],
)
def test_bounds(policy, complaint, interpreter, started):
    with pytest.raises(PolicyError) as caught:
        resolve_policy(policy, {}, interpreter)
    assert str(caught.value).startswith(complaint)
    assert started == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            "source.cpu.vendor == destination . kernel.release",
            {"source": "cpu", "destination": "kernel"},
        ),
        ("source == destination", {"source": None, "destination": None}),
        ("source.domains.vms.all(v, v.name != vm.name)", {"source": "domains", "vm": "name"}),
        ("source // whose\n.cpu.vendor == ''", {"source": None}),
        ("source.?cpu.hasValue()", {"source": None}),
        (r"r'\' == source.cpu.vendor && 'x' == ''", {"source": "cpu"}),
        ("'source' == ''' it's vm ''' + \"incoming\"", {}),
        ("'''it's''' == source.cpu.vendor", {"source": "cpu"}),
    ],
)
def test_what_travels_to_the_process(text, named):
    found = fields_named([text], MIGRATION)
    assert found == {
        name: None if field is None else frozenset([field]) for name, field in named.items()
    }


def test_expressions_see_whole_parts_and_whole_messages(interpreter):
    findings = _findings(
        _policy(
            "source.identity.hostname == 'alpha'",
            "source == source && destination.identity == destination.identity",
            "source.parts.size() >= 0 && source.schema_revision == 1u",
            "vm.disks.size() > 0 && incoming.disks.size() == vm.disks.size()",
        ),
        interpreter,
    )
    assert _answers(findings) == ["YES"] * 4
