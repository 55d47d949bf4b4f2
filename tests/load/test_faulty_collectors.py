"""Collectors that raise, sleep, eat memory or are killed: each costs its own part and no other."""

import threading

from tests.load.asking import Asking
from tests.load.faulty_agent import FAULTY, KILLED
from tests.load.rounds import FAULTS
from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub

CLIENTS = 4
ADDRESS_SPACE_BYTES = 2 << 30
HEALTHY = ("identity", "cpu", "memory", "network", "kernel", "clock")
NEWEST = GetSnapshotRequest(parts=[*HEALTHY, *FAULTY], max_age={})


def connecting(services, address, request):
    def connect():
        channel = services.dial(address)
        stub = HostMetadataStub(channel)
        return channel, lambda timeout: stub.GetSnapshot(request, timeout=timeout).snapshot

    return connect


def faulty_collect(services):
    words = ("collect", "--socket", services.directory / "collect.sock", "--libvirt-uri", "none")
    return services.service("faulty-agent", *words, address_space=ADDRESS_SPACE_BYTES)


def lost(snapshot):
    """Return what an answer lacks, or does not say."""
    said = {each.name: each.error for each in snapshot.parts}
    losses = [name for name in HEALTHY if not snapshot.HasField(name)]
    losses += [name for name in FAULTY if snapshot.HasField(name)]
    return losses + [f"{n}: {said[n]}" for n, (_, why) in FAULTY.items() if why not in said[n]]


def test_each_costs_its_own_part(services, tally):
    collect = faulty_collect(services).start()
    agent = services.serving("--source", collect.address).start()
    with Asking(tally, CLIENTS, connecting(services, agent.address, NEWEST)) as asking:
        asking.await_answers(FAULTS, seconds=60 + FAULTS)
    incomplete = [loss for answer in asking.answers for loss in lost(answer)]
    threads = collect.threads
    tally.note(f"{len(incomplete)} parts missing or not accounted for, {threads} threads")
    assert tally.losses == []
    assert incomplete == [], incomplete
    # What sleeps has one thread for ever, whoever asks and however often.
    assert threads < 20
    assert collect.process.poll() is None


def test_one_that_is_killed_takes_the_process_along_and_all_comes_back(
    services, tally, monkeypatch
):
    """As systemd does, the test starts it again."""
    monkeypatch.setenv(KILLED, str(services.directory / "killed"))
    collect = faulty_collect(services).start()
    agent = services.serving("--source", collect.address).start()
    request = GetSnapshotRequest(parts=["identity", "memory", "attributes"], max_age={})
    starts = 0
    ended = threading.Event()
    with Asking(tally, CLIENTS, connecting(services, agent.address, request)) as asking:
        asking.going_since = 0.0
        until = FAULTS
        while len(asking.answers) < until or not starts:
            if collect.process.poll() is not None:
                collect.start()
                starts += 1
                asking.await_answers(1)
            ended.wait(0.01)
    tally.note(f"{starts} starts after it was killed, {sum(asking.refusals.values())} refused")
    assert tally.losses == []
    assert all(each.HasField("memory") for each in asking.answers)
    assert agent.process.poll() is None
