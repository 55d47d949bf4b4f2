"""What large requests cost while they are under way, and what is given back after."""

import socket
import threading
import time

import grpc
import pytest

from tests.load.services import check
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.rpcs import COMPARATOR_RPCS, HOST_METADATA_RPCS

CALLS = 150
CONNECTIONS = 15
ROUNDS = 3
MIB = 1 << 20
# Field 2047 of no message, of as many bytes as follow: what is read over.
_PADDING = b"\xfa\x7f"
AT_MOST_MIB = {"comparator": 800, "agent": 220}
"""Beside what the process takes anyway: below MemoryHigh= of the units, the second line."""
LEFT_MIB = 100


class Watched:
    """The most that a process has had, looked at again and again."""

    def __init__(self, service):
        self._service = service
        self.before = self.most = service.resident_mib
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self):
        while not self._ended.wait(0.02):
            self.most = max(self.most, self._service.resident_mib)

    def settled(self, seconds=30):
        """Return what is left once it is little, or the seconds are over."""
        end = time.monotonic() + seconds
        while self._service.resident_mib - self.before > LEFT_MIB and time.monotonic() < end:
            time.sleep(0.2)
        self._ended.set()
        self._thread.join()
        return self._service.resident_mib


def padded(message, size):
    length = size
    number = b""
    while length > 127:
        number += bytes((length & 127 | 128,))
        length >>= 7
    return message + _PADDING + number + bytes((length,)) + bytes(size)


@pytest.fixture
def silent():
    """An address at which nobody ever says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def flood(services, address, path, message, tally):
    """Send CALLS at once over CONNECTIONS of one caller; return what became of them."""
    channels = [services.dial(address) for _ in range(CONNECTIONS)]
    calls = [
        channels[number % CONNECTIONS].unary_unary(path).future(message, timeout=8)
        for number in range(CALLS)
    ]
    codes = {}
    for call in calls:
        try:
            call.result()
            code = grpc.StatusCode.OK
        except grpc.RpcError as error:
            code = error.code()
        codes[code] = codes.get(code, 0) + 1
    for channel in channels:
        channel.close()
    tally.note(", ".join(f"{count} {code.name}" for code, count in codes.items()))
    return codes


def test_a_comparator_that_waits_for_a_silent_agent(services, hosts, silent, tally):
    comparator = services.comparing({**hosts, "silent": silent}).start()
    request = check()
    request.destination.name = "silent"
    message = padded(request.SerializeToString(), 12 * MIB)
    with services.dial(comparator.address) as channel:
        ComparatorStub(channel).Check(check(), timeout=20)  # What it loads then it keeps.
    watched = Watched(comparator)
    codes = flood(services, comparator.address, COMPARATOR_RPCS["Check"].path, message, tally)
    left = watched.settled()
    tally.note(f"{watched.before:.0f} MiB before, {watched.most:.0f} at most, {left:.0f} after")
    with services.dial(comparator.address) as channel:
        ComparatorStub(channel).Check(check(), timeout=20)
        tally.add()
    assert grpc.StatusCode.INTERNAL not in codes
    assert watched.most - watched.before < AT_MOST_MIB["comparator"]
    assert left - watched.before < LEFT_MIB


def test_an_agent(services, tally):
    agent = services.replaying("epyc-four-nodes")
    message = padded(b"", 4 * MIB - 64)
    watched = Watched(agent)
    flood(services, agent.address, HOST_METADATA_RPCS["GetSnapshot"].path, message, tally)
    left = watched.settled()
    tally.note(f"{watched.before:.0f} MiB before, {watched.most:.0f} at most, {left:.0f} after")
    assert watched.most - watched.before < AT_MOST_MIB["agent"]
    assert left - watched.before < LEFT_MIB


def test_calls_that_are_given_up(services, hosts, tally):
    """Before their requests have arrived, again and again."""
    comparator = services.comparing(hosts).start()
    with services.dial(comparator.address) as channel:
        ComparatorStub(channel).Check(check(), timeout=20)
    before = comparator.resident_mib
    message = padded(check().SerializeToString(), 12 * MIB)
    path = COMPARATOR_RPCS["Check"].path
    left = []
    for _ in range(ROUNDS):
        channels = [services.dial(comparator.address) for _ in range(CONNECTIONS)]
        calls = [each.unary_unary(path).future(message, timeout=1) for each in channels * 4]
        for call in calls:
            call.exception()
            tally.add()
        for channel in channels:
            channel.close()
        time.sleep(4)
        left.append(comparator.resident_mib)
    tally.note(f"{before:.0f} MiB, after each round: " + ", ".join(f"{each:.0f}" for each in left))
    # Sixteen threads have heaps of their own.
    assert left[-1] - before < LEFT_MIB * 1.5
