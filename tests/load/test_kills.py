"""SIGKILL at any moment, again and again: what was answered is kept, and all comes back whole."""

import random
import signal
import sqlite3
import time

import grpc

from tests.load.asking import Asking
from tests.load.rounds import KILLS
from tests.load.services import check
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest, ProbeRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub

CLIENTS = 4
LONGEST_SECONDS = 0.3
MEMORY = GetSnapshotRequest(parts=["identity", "memory"])

# An address needs no resolver, and the network's process all the same.
PROBE = ProbeRequest(probes=[{"resolve_name": {"name": "192.0.2.1"}}])


def kill_again_and_again(service, connect, tally, times=KILLS):
    """Start, let clients ask, kill at any moment; return what was answered."""
    moments = random.Random(9)
    service.start()
    recovered = []
    with Asking(tally, CLIENTS, connect) as asking:
        asking.going_since = time.monotonic()
        for _ in range(times):
            asking.await_answers(1)
            time.sleep(moments.uniform(0, LONGEST_SECONDS))
            service.end(signal.SIGKILL)
            began = time.monotonic()
            service.start()
            asking.await_answers(1)
            recovered.append(time.monotonic() - began)
    recovered.sort()
    tally.note(
        f"{times} kills, answers again after {recovered[len(recovered) // 2]:.2f} s (median)"
    )
    tally.note(f"{recovered[-1]:.2f} s (most)")
    assert tally.losses == []
    return asking.answers


def test_a_comparator_with_its_store_open(services, hosts, tally):
    path = services.directory / "store.db"
    store = f'store = "sqlite:///{path}"\nstore_checks = 1000000\n'
    socket = f"unix:{services.directory}/comparator.sock"
    comparator = services.comparing(hosts, store, listen=socket)

    def connect():
        channel = services.dial(socket)
        stub = ComparatorStub(channel)
        return channel, lambda timeout: stub.Check(check(), timeout=timeout)

    answers = kill_again_and_again(comparator, connect, tally)
    told = [answer.subject.check_id for answer in answers]
    with sqlite3.connect(path) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = {each for (each,) in store.execute("SELECT id FROM vmfit_checks")}
    store.close()
    lost = [each for each in told if each not in kept]
    tally.note(f"{len(told)} checks answered, {len(lost)} of them not in the store")
    assert all(told)
    assert lost == []


def agent_calls(services, address):
    def connect():
        channel = services.dial(address)
        stub = HostMetadataStub(channel)
        return channel, lambda timeout: stub.GetSnapshot(MEMORY, timeout=timeout)

    return connect


def test_the_serving_process(services, tally):
    collect = services.collecting().start()
    socket = f"unix:{services.directory}/agent.sock"
    agent = services.serving("--source", collect.address, listen=socket)
    kill_again_and_again(agent, agent_calls(services, socket), tally)
    assert collect.process.poll() is None


def test_the_collecting_process(services, tally):
    collect = services.collecting()
    address = f"unix:{services.directory}/collect.sock"
    agent = services.serving("--source", address).start()
    answers = kill_again_and_again(collect, agent_calls(services, agent.address), tally)
    assert all(answer.snapshot.HasField("memory") for answer in answers)
    assert agent.process.poll() is None


def test_the_process_that_asks_the_network(services, tally):
    """What is asked meanwhile has an error that says so, and never another answer."""
    socket = services.directory / "probe.sock"
    network = services.probing(socket)
    words = ("--libvirt-uri", "none", "--prober", f"unix:{socket}")
    words += ("--probes-per-minute", "1000000")
    collect = services.collecting(*words).start()
    agent = services.serving(
        "--source", collect.address, listen=f"unix:{services.directory}/agent.sock"
    ).start()
    unanswered = []

    def connect():
        channel = services.dial(agent.address)
        stub = HostMetadataStub(channel)

        def ask(timeout):
            [result] = stub.Probe(PROBE, timeout=timeout).results
            if result.error:
                unanswered.append(result.error)
                raise Unanswered
            assert list(result.name.addresses) == ["192.0.2.1"]
            return result

        return channel, ask

    kill_again_and_again(network, connect, tally)
    tally.note(f"{len(unanswered)} told that it was not there")
    assert all("the process for questions about the network" in each for each in unanswered)
    assert collect.process.poll() is None
    assert agent.process.poll() is None


class Unanswered(grpc.RpcError):
    """An answer that says that nobody could be asked."""

    def code(self):
        return grpc.StatusCode.UNAVAILABLE

    def details(self):
        return "the process for questions about the network is not there"
