"""What is tried again, when, and for how long: by a comparator that fails as it is told."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_status import rpc_status

from vmfit.v1.comparator_service_pb2 import ListFactsResponse
from vmfit.v1.comparator_service_pb2_grpc import (
    ComparatorServicer,
    add_ComparatorServicer_to_server,
)
from vmfit_client import AsyncClient, Client, VmfitError
from vmfit_contract.errors import status_of
from vmfit_contract.reasons import Cause

OVERLOADED = (grpc.StatusCode.RESOURCE_EXHAUSTED, Cause("OVERLOADED", {}, 0.05))
STOPPING = (grpc.StatusCode.UNAVAILABLE, Cause("STOPPING", {}, 0.05))
DENIED = (grpc.StatusCode.PERMISSION_DENIED, Cause("ROLE_MISSING", {"role": "read"}))
LOST = (grpc.StatusCode.INTERNAL, Cause())
LATER = (grpc.StatusCode.RESOURCE_EXHAUSTED, Cause("OVERLOADED", {}, 60.0))


class Failing(ComparatorServicer):
    def __init__(self):
        self.failures = []
        self.calls = 0

    def ListFacts(self, request, context):  # noqa: N802 -- gRPC's name
        self.calls += 1
        if self.failures:
            code, cause = self.failures.pop(0)
            status = status_of(code.value[0], code.name, "not now", cause=cause)
            context.abort_with_status(rpc_status.to_status(status))
        return ListFactsResponse()


@pytest.fixture
def failing(tmp_path):
    servicer = Failing()
    server = grpc.server(ThreadPoolExecutor(2))
    add_ComparatorServicer_to_server(servicer, server)
    servicer.address = f"unix:{tmp_path / 'socket'}"
    server.add_insecure_port(servicer.address)
    server.start()
    yield servicer
    server.stop(0)


def ask(address, timeout=20):
    with Client(address, timeout=timeout) as client:
        return client.facts()


def ask_async(address, timeout=20):
    async def facts():
        async with AsyncClient(address, timeout=timeout) as client:
            return await client.facts()

    return asyncio.run(facts())


both = pytest.mark.parametrize("ask", [ask, ask_async])


@both
def test_what_passes_is_asked_again(failing, ask):
    failing.failures = [OVERLOADED, STOPPING, OVERLOADED]
    assert list(ask(failing.address)) == []
    assert failing.calls == 4


@both
@pytest.mark.parametrize("failure", [DENIED, LOST])
def test_what_stays_is_not(failing, ask, failure):
    failing.failures = [failure] * 9
    with pytest.raises(VmfitError, match="not now") as raised:
        ask(failing.address)
    assert failing.calls == 1
    assert raised.value.code is failure[0]
    assert raised.value.metadata == failure[1].metadata


@both
def test_not_for_ever(failing, ask):
    failing.failures = [OVERLOADED] * 99
    with pytest.raises(VmfitError) as raised:
        ask(failing.address)
    assert failing.calls == 6
    assert raised.value.reason == "OVERLOADED"


@both
def test_not_when_the_answer_would_come_too_late(failing, ask):
    failing.failures = [LATER]
    begun = time.monotonic()
    with pytest.raises(VmfitError) as raised:
        ask(failing.address, timeout=30)
    assert time.monotonic() - begun < 20
    assert failing.calls == 1
    assert raised.value.retry_seconds == 60


@both
def test_nobody_listens(tmp_path, ask):
    begun = time.monotonic()
    with pytest.raises(VmfitError, match=r"comparator unix:.*: unavailable") as raised:
        ask(f"unix:{tmp_path / 'nobody'}", timeout=1)
    assert time.monotonic() - begun < 20
    assert raised.value.code is grpc.StatusCode.UNAVAILABLE
