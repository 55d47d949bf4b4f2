"""Many connections and many clients at once, over mutual TLS: everybody is answered."""

import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests.load.services import check
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub

CONNECTIONS = 500
SLOW_HANDSHAKES = 50
CLIENTS = 200
ROUNDS = 3
DEADLINE = 30.0
FIRST_SECONDS = 0.1
# RFC 9113, 3.4: what a client says first, and empty settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


def idle_connections(files, address, count):
    """Connect, end the handshake, and say no more than a client's library says."""
    context = ssl.create_default_context(cafile=files.authority)
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")

    def connect(_):
        connection = socket.create_connection((host, int(port)), timeout=DEADLINE)
        connection = context.wrap_socket(connection, server_hostname=host)
        connection.sendall(_PREFACE)
        return connection

    with ThreadPoolExecutor(16) as callers:
        return list(callers.map(connect, range(count)))


def is_open(connection):
    """Return whether the server has not hung up, whatever it said meanwhile."""
    connection.settimeout(0.01)
    try:
        while connection.recv(1 << 16):
            pass
    except TimeoutError:
        return True
    except OSError:
        return False
    return False


def all_at_once(count, ask):
    """Call in so many threads, which begin together; return how long each took."""
    together = threading.Barrier(count)
    seconds = []

    def begin(number):
        together.wait()
        began = time.monotonic()
        ask(number)
        seconds.append(time.monotonic() - began)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(seconds)


@pytest.fixture
def comparator(services, hosts):
    return services.comparing(hosts).start()


@pytest.fixture
def many(services, comparator, hosts):
    """Idle connections to the comparator and to an agent, and some that never shake hands."""
    connections = []
    for address in (comparator.address, hosts["source"]):
        connections += idle_connections(services.client_files, address, CONNECTIONS)
        host, _, port = address.rpartition(":")
        connections += [socket.create_connection((host, int(port))) for _ in range(SLOW_HANDSHAKES)]
    yield connections
    for each in connections:
        each.close()


def ask(stub, tally):
    """Check ROUNDS times; what is no answer is a loss."""
    for _ in range(ROUNDS):
        try:
            stub(timeout=DEADLINE)
        except grpc.RpcError as error:
            tally.add(f"{error.code()}: {error.details()}")
        else:
            tally.add()


def test_checks_at_once_beside_idle_connections(services, comparator, many, tally):
    channels = [services.dial(comparator.address) for _ in range(CLIENTS)]
    stubs = [ComparatorStub(each) for each in channels]
    request = check()
    took = all_at_once(
        CLIENTS, lambda n: ask(lambda timeout: stubs[n].Check(request, timeout=timeout), tally)
    )
    for channel in channels:
        channel.close()
    shaken = [each for each in many if isinstance(each, ssl.SSLSocket)]
    still = sum(map(is_open, shaken))
    tally.note(f"{still} of {len(shaken)} idle connections, the last client after {took[-1]:.1f} s")
    assert tally.losses == []
    assert still == len(shaken)
    assert "Traceback" not in comparator.log


def test_snapshots_for_clients_at_once(services, hosts, many, tally):
    channels = [services.dial(hosts["source"]) for _ in range(CLIENTS)]
    stubs = [HostMetadataStub(each) for each in channels]
    request = GetSnapshotRequest(parts=["identity", "cpu"])
    took = all_at_once(
        CLIENTS,
        lambda n: ask(lambda timeout: stubs[n].GetSnapshot(request, timeout=timeout), tally),
    )
    for channel in channels:
        channel.close()
    tally.note(f"the last client after {took[-1]:.1f} s")
    assert tally.losses == []


def test_the_first_check_of_a_connection(services, comparator, tally):
    """Over TLS in both directions; the agents' connections are there already."""
    request = check()
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        with services.dial(comparator.address) as channel:
            ComparatorStub(channel).Check(request, timeout=DEADLINE)
        seconds.append(time.perf_counter() - began)
        tally.add()
    seconds.sort()
    tally.note(f"median {seconds[10] * 1000:.0f} ms")
    # The best: on a machine that does other things the median tells of these.
    assert seconds[0] < FIRST_SECONDS
