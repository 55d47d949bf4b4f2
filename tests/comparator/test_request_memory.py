"""What a request takes is known before it takes it, and all requests together have a bound."""

import time
from contextlib import ExitStack
from itertools import repeat, starmap

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.raw_agents import peak_memory
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator import Engine, EngineError
from vmfit_comparator.request_memory import RequestMemory
from vmfit_comparator.server import LIMITS
from vmfit_comparator.service import Comparator
from vmfit_contract.access import LOCAL, Caller
from vmfit_contract.call_failed import CallFailed, Status

_ROOM_MIB = 400


@pytest.fixture(scope="module")
def comparator():
    with Engine() as engine:
        yield Comparator(engine)


def _refused(comparator, method, content):
    with pytest.raises(CallFailed) as caught:
        comparator.answer(method, content, 60.0, LOCAL)
    return caught.value


def _field(message_type, name, content):
    tag = message_type.DESCRIPTOR.fields_by_name[name].number << 3 | 2
    encoded = bytearray()
    for number in (tag, len(content)):
        left = number
        while left > 127:
            encoded.append(left & 127 | 128)
            left >>= 7
        encoded.append(left)
    return bytes(encoded) + content


def _nothing_but_disks():
    count = LIMITS.request_bytes // 3 - 10
    disks = _field(Vm, "disks", b"") * count
    reference = _field(messages.VmReference, "description", disks)
    return _field(messages.CheckRequest, "vm", reference)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (_nothing_but_disks, "vm.description.disks"),
        (
            lambda: _field(messages.CheckRequest, "facts", b"") * (LIMITS.request_bytes // 2),
            "facts",
        ),
    ],
)
def test_empty_elements_are_counted_before_they_are_read(comparator, content, field):
    content = content()
    assert len(content) <= LIMITS.request_bytes
    with peak_memory() as grown:
        failure = _refused(comparator, "Check", content)
        assert grown() < _ROOM_MIB
    assert failure.status is Status.INVALID_ARGUMENT
    assert failure.field == field
    assert "takes more than 134217728 bytes in memory" in str(failure)


@pytest.mark.parametrize("content", [b"\xff" * 100, b"\xff" * 100_000])
def test_garbage_of_any_size_is_malformed(comparator, content):
    failure = _refused(comparator, "Check", content)
    assert failure.status is Status.INVALID_ARGUMENT
    assert "malformed" in str(failure)


def test_requests_share_a_bound():
    memory = RequestMemory()
    request = messages.CheckRequest()
    for _ in range(200_000):
        request.vm.description.disks.add()
    content = request.SerializeToString()
    del request
    callers = [Caller("a", frozenset(), share=each) for each in "abcde"]
    with ExitStack() as stack:
        held = []
        for caller in callers:

            def hold(caller=caller):
                stack.enter_context(memory.reading(messages.CheckRequest, content, caller))
                held.append(caller)

            with pytest.raises(CallFailed, match="ask again later") as caught:
                list(starmap(hold, repeat((), 8)))
            assert caught.value.status is Status.RESOURCE_EXHAUSTED
        # Two callers have all that there is, each half of it.
        assert set(held) == set(callers[:2])
    # All of it is free again.
    with memory.reading(messages.CheckRequest, content, callers[0]) as message:
        assert len(message.vm.description.disks) == 200_000


def _devices(snapshot, count):
    for number in range(count):
        snapshot.block_devices.devices.add(name=f"sd{number}", size_bytes=number)


def test_a_snapshot_has_no_more_of_anything_than_a_host_has(comparator):
    request = messages.DiffRequest()
    request.left.snapshot.CopyFrom(source_snapshot())
    request.right.snapshot.CopyFrom(destination_snapshot())
    _devices(request.right.snapshot, 100_000)
    began = time.process_time()
    failure = _refused(comparator, "Diff", request.SerializeToString())
    assert time.process_time() - began < 1
    assert failure.field == "right.snapshot.block_devices.devices"
    assert str(failure).endswith("more than 16384")


def test_a_ranking_answers_as_much_as_a_message_holds(monkeypatch):
    monkeypatch.setattr("vmfit_comparator.comparison.MAX_MESSAGE_BYTES", 1 << 20)
    request = messages.RankRequest(vm={"description": vm()})
    request.source.snapshot.CopyFrom(source_snapshot())
    for _ in range(300):
        request.destinations.add().snapshot.SetInParent()
    with Engine() as engine, pytest.raises(EngineError) as caught:
        engine.rank(request)
    assert str(caught.value).startswith("destinations: the answers for ")
    assert str(caught.value).endswith(" of 300 take more than 1 MiB: rank fewer at once")
