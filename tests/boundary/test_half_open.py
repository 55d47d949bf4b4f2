"""Calls of which only the headers travel, and others that hold what they get."""

import threading
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2_grpc

from tests.certificates import dns
from vmfit_contract.serving import arrivals, reflection

CHECK = "/vmfit.v1.Comparator/Check"
RANK = "/vmfit.v1.Comparator/Rank"
HALF_OPEN = 100


def healthy(channel, seconds=2.0):
    """Return the seconds that an answer about the health took."""
    started = time.monotonic()
    health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=seconds)
    return time.monotonic() - started


def await_true(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def held(channel, path, requests, count):
    """Begin calls whose requests do not come; return them once the server has them."""
    calls = [channel.stream_unary(path).future(requests()) for _ in range(count)]
    time.sleep(0.3)
    return calls


def test_half_open_calls_keep_nobody_from_an_answer(boundary, dial, never):
    address = boundary()
    good, bad = dial(address, plain=True), dial(address, plain=True)
    for path in ("/grpc.health.v1.Health/Check", "/vmfit.v1.HostMetadata/GetSnapshot", CHECK):
        calls = held(bad, path, never, HALF_OPEN)
        assert max(healthy(good) for _ in range(5)) < 1.5
        assert healthy(bad) < 1.5
        for call in calls:
            call.cancel()


def test_a_hundred_connections_with_a_half_open_call_each(trial, dial, never):
    _, address = trial()
    calls = [held(dial(address, plain=True), CHECK, never, 1) for _ in range(3)]
    calls += [
        dial(address, plain=True).stream_unary(CHECK).future(never()) for _ in range(HALF_OPEN - 3)
    ]
    good = dial(address, plain=True)
    assert max(healthy(good, 5) for _ in range(5)) < 1.5
    assert good.unary_unary(CHECK)(b"said", timeout=5) == b"said"


def test_a_request_that_does_not_come_ends_the_call(trial, dial, never, monkeypatch):
    monkeypatch.setattr(arrivals, "ARRIVAL_SECONDS", 0.3)
    _, address = trial()
    (call,) = held(dial(address, plain=True), CHECK, never, 1)
    error = call.exception(timeout=5)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert error.details() == "the request did not arrive in time"


def test_reflection_streams_are_few_and_end(boundary, dial, never, monkeypatch):
    monkeypatch.setattr(arrivals, "ARRIVAL_SECONDS", 1.0)
    monkeypatch.setattr(reflection, "STREAM_SECONDS", 1.0)
    address = boundary()
    good, bad = dial(address, plain=True), dial(address, plain=True)
    ask = reflection_pb2_grpc.ServerReflectionStub(bad).ServerReflectionInfo
    streams = [ask(never_asked) for never_asked in (never() for _ in range(HALF_OPEN))]
    assert max(healthy(good) for _ in range(5)) < 1.5
    codes = {stream.code() for stream in streams}
    assert codes <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_health_streams_of_one_caller_are_bounded(trial, tls, dial):
    _, address = trial(tls)
    bad = health_pb2_grpc.HealthStub(dial(address, dns("bad.example")))
    good = health_pb2_grpc.HealthStub(dial(address, dns("good.example")))
    request = health_pb2.HealthCheckRequest()
    streams = [bad.Watch(request) for _ in range(4)]
    for stream in streams:
        next(stream)
    fifth = bad.Watch(request)
    with_error = fifth.exception(timeout=5)
    assert with_error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "this caller's streams under way would be 5, more than 4" in with_error.details()
    assert next(good.Watch(request)).status == health_pb2.HealthCheckResponse.SERVING


def test_one_caller_leaves_places_for_others(trial, tls, dial):
    service, address = trial(tls)
    bad, good = dial(address, dns("bad.example")), dial(address, dns("good.example"))
    calls = [bad.unary_unary(CHECK).future(b"stuck") for _ in range(20)]
    calls += [bad.unary_unary(RANK).future(b"stuck") for _ in range(5)]
    await_true(lambda: service.running == 4)
    assert good.unary_unary(CHECK)(b"said", timeout=2) == b"said"
    assert good.unary_unary(RANK)(b"said", timeout=2) == b"said"
    assert service.most <= 5
    service.release.set()
    assert [call.result(timeout=10) for call in calls] == [b"stuck"] * 25


def test_who_waits_takes_turns(trial, tls, dial):
    service, address = trial(tls)
    others = [dial(address, dns(f"{name}.example")) for name in "abc"]
    calls = [each.unary_unary(RANK).future(b"stuck") for each in others[:2] for _ in range(10)]
    await_true(lambda: service.running == 2)
    last = others[2].unary_unary(RANK).future(b"said")
    time.sleep(0.2)
    service.release.set()
    assert last.result(timeout=5) == b"said"
    assert [call.result(timeout=10) for call in calls] == [b"stuck"] * 20
    # Two had places; then it was the turn of each of the three.
    names = [caller.name for _, _, caller in service.calls]
    assert names.index("dns:c.example") <= 4


def test_calls_of_one_caller_are_bounded(trial, tls, dial):
    service, address = trial(tls)
    bad, good = dial(address, dns("bad.example")), dial(address, dns("good.example"))
    calls = [bad.unary_unary(CHECK).future(b"hang", timeout=10) for _ in range(40)]
    time.sleep(0.5)
    refused = [call.exception() for call in calls if call.done()]
    assert len(refused) == 40 - 32
    assert {each.code() for each in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert "this caller's calls under way would be 33, more than 32" in refused[0].details()
    assert good.unary_unary(CHECK)(b"said", timeout=2) == b"said"
    service.release.set()


def test_a_call_without_a_deadline_gets_one(trial, dial):
    service, address = trial()
    channel = dial(address, plain=True)
    channel.unary_unary(CHECK)(b"said")
    channel.unary_unary(CHECK)(b"said", timeout=1e6)
    channel.unary_unary(CHECK)(b"said", timeout=3)
    seconds = [seconds for _, seconds, _ in service.calls]
    assert 4 < seconds[0] <= 5
    assert 9 < seconds[1] <= 10.1
    assert 2 < seconds[2] <= 3.1


def test_work_hears_that_its_caller_is_gone(trial, dial):
    service, address = trial()
    channel = dial(address, plain=True)
    gone = dial(address, plain=True)
    calls = [each.unary_unary(CHECK).future(b"hang") for each in (channel, gone)]
    late = channel.unary_unary(CHECK).future(b"hang", timeout=1)
    await_true(lambda: service.running == 3)
    calls[0].cancel()
    gone.close()
    assert late.exception(timeout=5).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await_true(lambda: not service.running)
    assert service.gone == [True] * 3


def test_answers_that_nobody_reads_hold_no_more_than_their_share(trial, tls, dial):
    _, address = trial(tls)
    bad, good = dial(address, dns("bad.example")), dial(address, dns("good.example"))
    size = b"size 900000"
    stop = threading.Event()
    streams = [bad.unary_stream(CHECK)(size) for _ in range(30)]
    time.sleep(0.5)
    assert good.unary_unary(CHECK)(size, timeout=5) == bytes(900_000)
    stop.set()
    for stream in streams:
        stream.cancel()
