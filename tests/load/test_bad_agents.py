"""Agents that are dead, silent, slow, lie or dribble cost others' checks nothing."""

import threading
import time
from contextlib import ExitStack

import grpc

from tests.comparator import raw_agents
from tests.comparator.raw_agents import bytes_agent, raw_agent
from tests.load.asking import Asking
from tests.load.rounds import FAULTS
from tests.load.services import RECORDED, check
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.host_metadata_service_pb2 import GetSnapshotResponse

CLIENTS = 2
BAD_SECONDS = 8.0
RAW = {
    "silent": raw_agents.hang,
    "dribbling": raw_agents.dribble,
    "garbage": raw_agents.garbage,
    "leaving": raw_agents.go_away,
}
DEAD = "127.0.0.1:1"
EMPTY = GetSnapshotResponse().SerializeToString()


def bad_agents(stack):
    """Start them; return their addresses by name."""
    found = {name: stack.enter_context(raw_agent(serve)).address for name, serve in RAW.items()}
    found["lying"] = stack.enter_context(bytes_agent(GetSnapshot=EMPTY))
    found["senseless"] = stack.enter_context(bytes_agent(GetSnapshot=b"\xff" * 1000))
    return {**found, "dead": DEAD}


def ask_bad(services, address, names, tally, ended):
    """Check towards one after the other until told to stop: an answer without findings that know.

    What is said of the host is an error, either the call's or the answer's.
    """
    with services.dial(address) as channel:
        stub = ComparatorStub(channel)
        while not ended.is_set():
            for name in names:
                request = check()
                request.destination.name = name
                began = time.monotonic()
                try:
                    answer = stub.Check(request, timeout=BAD_SECONDS)
                    is_said = any(each.error for each in answer.subject.errors)
                except grpc.RpcError as error:
                    is_said = bool(error.details())
                    is_said &= error.code() is not grpc.StatusCode.INTERNAL
                late = time.monotonic() - began > BAD_SECONDS + 5
                tally.add(f"{name}: nothing said, or late" if late or not is_said else None)


def test_beside_good_ones(services, tally):
    good = [
        services.replaying(each, listen=f"unix:{services.directory}/{each}") for each in RECORDED
    ]
    hosts = dict(zip(("source", "destination"), (each.address for each in good), strict=True))
    with ExitStack() as stack:
        bad = bad_agents(stack)
        comparator = services.comparing(
            {**hosts, **bad}, listen=f"unix:{services.directory}/c.sock", tls=False
        ).start()

        def connect():
            channel = services.dial(comparator.address)
            stub = ComparatorStub(channel)
            return channel, lambda timeout: stub.Check(check(), timeout=timeout)

        ended = threading.Event()
        arguments = (services, comparator.address, list(bad), tally, ended)
        asker = threading.Thread(target=ask_bad, args=arguments)
        asker.start()
        with Asking(tally, CLIENTS, connect) as asking:
            asking.await_answers(FAULTS, seconds=60 + FAULTS)
            ended.set()
            # Good agents are asked about until each of the bad ones has been, too.
            asker.join()
    tally.note(f"{len(asking.answers)} of them answers about good agents")
    assert tally.losses == []
    assert all(answer.findings for answer in asking.answers)
    assert "Traceback" not in comparator.log
    assert comparator.process.poll() is None
