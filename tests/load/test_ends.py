"""SIGTERM while clients ask: every service ends with status 0, and loses no call."""

import time

from tests.load.asking import Ending
from tests.load.rounds import ENDS
from tests.load.services import check
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub

CLIENTS = 8
LOADED_SECONDS = 0.3


def end_again_and_again(service, connect, tally):
    """Start, let clients ask, end; ENDS times."""
    statuses, took = [], []
    for _ in range(ENDS):
        service.start()
        with Ending(tally, CLIENTS, connect) as asking:
            asking.await_answers(1)
            time.sleep(LOADED_SECONDS)
            asking.going_since = time.monotonic()
            statuses.append(service.end())
            took.append(time.monotonic() - asking.going_since)
        assert "Traceback" not in service.log
        assert "ERROR" not in service.log
    tally.note(f"{len(statuses)} ends with {set(statuses)}, at most {max(took):.2f} s")
    assert set(statuses) == {0}
    assert tally.losses == []
    # However slow the machine: calls were on the way at each end.
    assert tally.tries > 5 * ENDS


def test_serve(services, tally):
    collect = services.collecting().start()
    agent = services.serving("--source", collect.address)
    request = GetSnapshotRequest(parts=["identity", "memory"])

    def connect():
        channel = services.dial(agent.address)
        stub = HostMetadataStub(channel)
        return channel, lambda timeout: stub.GetSnapshot(request, timeout=timeout)

    end_again_and_again(agent, connect, tally)


def test_comparator(services, hosts, tally):
    comparator = services.comparing(hosts, f'store = "sqlite:///{services.directory}/store.db"\n')

    def connect():
        channel = services.dial(comparator.address)
        stub = ComparatorStub(channel)
        return channel, lambda timeout: stub.Check(check(), timeout=timeout)

    end_again_and_again(comparator, connect, tally)
