"""Calls that have no answer: what their callers and the log are told."""

import random
import time
from functools import partial

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tests.boundary.servers import Trial, trial_server
from vmfit.v1.rpcs import COMPARATOR_RPCS, HOST_METADATA_RPCS
from vmfit_contract import unexpected
from vmfit_contract.errors import describe

CHECK = "/vmfit.v1.Comparator/Check"


@pytest.fixture(autouse=True)
def _fresh_log(monkeypatch):
    monkeypatch.setattr(unexpected._SAID, "_counts", {})


def failure(channel, request, path=CHECK):
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(path)(request, timeout=10)
    return raised.value


def test_a_bug_is_one_line_for_the_caller_and_a_few_in_the_log(trial, dial, caplog):
    _, address = trial()
    channel = dial(address, plain=True)
    for _ in range(50):
        error = failure(channel, b"raise")
        assert error.code() is grpc.StatusCode.INTERNAL
        assert describe(error) == "internal error: ValueError: said so"
    assert len(caplog.records) == 5
    assert caplog.messages[0].startswith(f"{CHECK} failed: ValueError: said so (servers.py, line")
    assert "Traceback" not in caplog.text


def test_no_descriptors_left_is_no_bug(trial, dial, caplog):
    _, address = trial()
    error = failure(dial(address, plain=True), b"files")
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "Too many open files: ask again later"
    assert "Traceback" not in caplog.text


def test_the_field_at_fault_travels(trial, dial, caplog):
    _, address = trial()
    error = failure(dial(address, plain=True), b"fail")
    (reason, request) = rpc_status.from_call(error).details
    violations = error_details_pb2.BadRequest()
    assert request.Unpack(violations)
    assert violations.field_violations[0].field == "some.field"
    info = error_details_pb2.ErrorInfo()
    assert reason.Unpack(info)
    assert (info.reason, info.domain) == ("NOT_FOUND", "vmfit")
    assert not caplog.records


def test_too_large_requests_and_answers(trial, dial, caplog):
    _, address = trial()
    channel = dial(address, plain=True)
    too_large = failure(channel, bytes((1 << 20) + 1))
    assert too_large.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    answer = failure(channel, b"size %d" % (3 << 20))
    assert answer.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "bytes under way would be" in answer.details()
    assert channel.unary_unary(CHECK)(b"said", timeout=5) == b"said"
    assert not caplog.records


def test_garbage_is_the_callers_fault(boundary, dial, caplog):
    channel = dial(boundary(), plain=True)
    randomly = random.Random(1)
    rpcs = [
        rpc
        for rpc in (*HOST_METADATA_RPCS.values(), *COMPARATOR_RPCS.values())
        if not rpc.response_streams
    ]
    codes = set()
    for rpc in rpcs:
        for _ in range(30):
            garbage = b"\xff" + randomly.randbytes(randomly.randint(1, 200))
            codes.add(failure(channel, garbage, rpc.path).code())
    assert codes == {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED}
    assert not caplog.records


def test_a_call_without_a_request(boundary, dial):
    channel = dial(boundary(), plain=True)
    for path in ("/grpc.health.v1.Health/Check", CHECK, "/vmfit.v1.HostMetadata/DescribeVm"):
        with pytest.raises(grpc.RpcError) as raised:
            channel.stream_unary(path)(iter(()), timeout=5)
        assert raised.value.code() in (
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.UNIMPLEMENTED,
        )


def test_a_service_that_stops_ends_what_is_under_way_and_says_so_to_the_rest(serve, dial):
    service = Trial()
    address, server = serve(partial(trial_server, service))
    channel = dial(address, plain=True)
    running = channel.unary_unary(CHECK).future(b"stuck", timeout=10)
    while not service.running:
        time.sleep(0.01)
    wait = server.stop(5)
    soon = channel.unary_unary(CHECK)(b"said", timeout=10)
    time.sleep(0.3)
    refused = failure(channel, b"said")
    assert refused.code() is grpc.StatusCode.UNAVAILABLE
    assert refused.details() == "the service is stopping"
    service.release.set()
    wait()
    assert (running.result(), soon) == (b"stuck", b"said")
    assert failure(channel, b"said").code() is grpc.StatusCode.UNAVAILABLE
