"""The socket between the two processes, and clients that do not behave."""

import contextlib
import os
import socket
import struct
import threading
import time

import grpc
import pytest

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    GetSnapshotRequest,
    GetSnapshotResponse,
    WatchSnapshotRequest,
    WatchSnapshotResponse,
)
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit_agent.calls import MAX_WATCHES, CallFailed, Status
from vmfit_agent.collect_socket import frames, server
from vmfit_agent.collect_socket.client import CollectSocket
from vmfit_agent.service import HostMetadata
from vmfit_agent.sources import UnknownDomain
from vmfit_contract.access import LOCAL, Caller, Role
from vmfit_contract.address import Address

IDENTITY = GetSnapshotRequest(parts=["identity"]).SerializeToString()
WATCH = WatchSnapshotRequest(parts=["identity"]).SerializeToString()


@pytest.fixture
def address(fake, collect):
    return collect(fake.source())[0]


def hostname(address):
    answer = CollectSocket(address).answer("GetSnapshot", IDENTITY, 5.0, LOCAL)
    return GetSnapshotResponse.FromString(answer).snapshot.identity.hostname


def connect(address):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address.path)
    frames.limit_waiting(connection, receive=10, send=10)
    return connection


def failure(call):
    with pytest.raises(CallFailed) as raised:
        call()
    assert "\n" not in raised.value.message
    return raised.value.status, raised.value.message


def await_true(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_clients_that_say_nothing_cost_nothing_else(fake, collect, monkeypatch):
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.5)
    address, _ = collect(fake.source())
    silent = [connect(address) for _ in range(server.MAX_CONNECTIONS - 1)]
    assert hostname(address) == "alpha"
    silent.append(connect(address))
    await_true(lambda: silent[0].recv(1) == b"")
    assert hostname(address) == "alpha"
    for each in silent:
        each.close()


def test_more_clients_than_places_are_told_so(address):
    silent = [connect(address) for _ in range(server.MAX_CONNECTIONS)]
    status, message = failure(lambda: hostname(address))
    assert (status, "under way" in message) == (Status.RESOURCE_EXHAUSTED, True)
    for each in silent:
        each.close()
    await_true(lambda: answers(address))


def answers(address):
    try:
        return hostname(address) == "alpha"
    except CallFailed:
        return False


def test_a_client_that_reads_nothing_is_dropped(fake, collect, monkeypatch):
    monkeypatch.setattr(server, "SEND_SECONDS", 0.3)
    fake.hostname = "x" * (8 << 20)
    address, serving = collect(fake.source())
    reader = connect(address)
    frames.send_request(reader, frames.Request("GetSnapshot", 5.0, IDENTITY, LOCAL))
    await_true(lambda: serving._places._value == server.MAX_CONNECTIONS - 1)
    await_true(lambda: serving._places._value == server.MAX_CONNECTIONS)
    with pytest.raises(frames.FrameError, match="closed"):
        frames.receive_answer(reader)
    reader.close()


def test_clients_that_read_byte_by_byte_keep_no_places(fake, collect, monkeypatch):
    """Each byte is progress to the kernel's own timeout; together they would hold all places."""
    monkeypatch.setattr(server, "SEND_SECONDS", 1.0)
    fake.hostname = "x" * (8 << 20)
    address, serving = collect(fake.source())
    readers = [connect(address) for _ in range(server.MAX_CONNECTIONS)]
    for each in readers:
        frames.send_request(each, frames.Request("GetSnapshot", 30.0, IDENTITY, LOCAL))
    began = set()
    until = time.monotonic() + 60
    while len(began) < len(readers) or serving._places._value < server.MAX_CONNECTIONS:
        assert time.monotonic() < until
        for each in readers:
            with contextlib.suppress(OSError):
                each.recv(1, socket.MSG_DONTWAIT)
                began.add(each)
        time.sleep(0.05)
    for each in readers:
        each.close()


def test_a_request_that_dribbles_does_not_keep_its_place(fake, collect, monkeypatch):
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.5)
    address, _ = collect(fake.source())
    dribbling = [connect(address) for _ in range(server.MAX_CONNECTIONS)]
    whole = struct.pack("!4sdBHBI", frames.MAGIC, 1.0, 255, 0, 0, 0) + bytes(255)
    ended = time.monotonic() + 1.2
    for at in range(len(whole)):
        for each in dribbling:
            with contextlib.suppress(OSError):
                each.send(whole[at : at + 1])
        time.sleep(0.02)
        if time.monotonic() > ended:
            break
    assert hostname(address) == "alpha"
    for each in dribbling:
        each.close()


def test_work_hears_that_its_caller_is_gone(fake, collect):
    """In both processes: the one that hands the call on, and the one that does the work."""
    heard, began = [], threading.Event()

    def describe(request, host, caller):
        assert not caller.is_gone()
        began.set()
        ended = time.monotonic() + 10
        while not caller.is_gone() and time.monotonic() < ended:
            time.sleep(0.01)
        heard.append(caller.is_gone())
        raise UnknownDomain("nobody asks")

    fake.describe = describe
    address, _ = collect(fake.source())
    gone = threading.Event()
    caller = Caller("dns:a", frozenset(Role), is_gone=gone.is_set)
    threading.Timer(0.3, gone.set).start()
    request = DescribeVmRequest(name="web").SerializeToString()
    asked = time.monotonic()
    told = failure(lambda: CollectSocket(address).answer("DescribeVm", request, 20.0, caller))
    assert told == (Status.CANCELLED, "the caller is gone")
    assert time.monotonic() - asked < 2
    assert began.is_set()
    await_true(lambda: heard == [True])


def test_a_watch_ends_with_its_client_and_frees_its_place(fake, address):
    for _ in range(3 * MAX_WATCHES):
        client = connect(address)
        frames.send_request(client, frames.Request("WatchSnapshot", 0.0, WATCH, LOCAL))
        snapshot = WatchSnapshotResponse.FromString(frames.receive_answer(client)).snapshot
        assert snapshot.identity.hostname == "alpha"
        client.close()
        time.sleep(0.1)


def test_a_watch_says_that_the_agent_stops(fake, collect):
    address, serving = collect(fake.source())
    stream = CollectSocket(address).watch(WATCH, LOCAL)
    next(stream)
    threading.Timer(0.2, serving.stop).start()
    assert failure(lambda: next(stream)) == (Status.UNAVAILABLE, "the agent is stopping")
    stream.close()


def test_a_cancelled_watch_ends_quietly(address):
    client = CollectSocket(address)
    stream = client.watch(WATCH, LOCAL)
    next(stream)
    threading.Timer(0.2, client.close).start()
    assert list(stream) == []
    stream.close()


def test_a_bug_costs_its_own_call_alone(fake, collect, caplog):
    source = fake.source()
    source.snapshot = lambda *_: 1 / 0
    address, _ = collect(source)
    told = (Status.INTERNAL, "internal error: ZeroDivisionError: division by zero")
    for _ in range(20):
        assert failure(lambda: hostname(address)) == told
    assert len(caplog.records) == 5
    assert "Traceback" not in caplog.text
    assert CollectSocket(address).answer(frames.HEALTH_METHOD, b"", 1.0, LOCAL) == b""


def test_no_descriptors_left_is_no_bug(fake, collect):
    def describe(*_):
        raise OSError(24, "Too many open files", "/some/file")

    fake.describe = describe
    address, _ = collect(fake.source())
    request = DescribeVmRequest(name="web").SerializeToString()
    told = failure(lambda: CollectSocket(address).answer("DescribeVm", request, 5.0, LOCAL))
    assert told == (Status.RESOURCE_EXHAUSTED, "Too many open files: ask again later")


@pytest.mark.parametrize(
    ("method", "message", "status"),
    [
        ("GetSnapshot", b"\xff", Status.INVALID_ARGUMENT),
        ("Nothing", b"", Status.UNIMPLEMENTED),
        ("GetSnapshot", bytes(frames.MAX_REQUEST_BYTES + 1), Status.RESOURCE_EXHAUSTED),
    ],
)
def test_calls_that_cannot_be_answered(address, method, message, status):
    assert failure(lambda: CollectSocket(address).answer(method, message, 5.0, LOCAL))[0] is status
    with pytest.raises(CallFailed):
        next(CollectSocket(address).watch(message or b"\xff", LOCAL))


@pytest.mark.parametrize(
    "said",
    [
        b"vmf\x01" + bytes(28),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        struct.pack("!4sdBHBI", frames.MAGIC, 1.0, 11, 0, 0, 1 << 31) + b"GetSnapshot",
        struct.pack("!4sdBHBI", frames.MAGIC, 1.0, 11, 1 << 15, 0, 0) + b"GetSnapshot",
        struct.pack("!4sdBHBI", frames.MAGIC, 1.0, 11, 1, 4, 0) + b"GetSnapshotxroot",
        struct.pack("!4sdBHBI", frames.MAGIC, float("nan"), 11, 0, 0, 0) + b"GetSnapshot",
        b"vmf",
        os.urandom(64),
    ],
)
def test_strangers_are_sent_away(address, said):
    with connect(address) as stranger:
        stranger.sendall(said)
        stranger.shutdown(socket.SHUT_WR)
        try:
            while stranger.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
    assert hostname(address) == "alpha"


def test_a_grpc_client_is_sent_away_and_named_in_the_log(address, dial, caplog):
    with pytest.raises(grpc.RpcError) as raised:
        HostMetadataStub(dial(address)).GetSnapshot(GetSnapshotRequest(), timeout=10)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    await_true(lambda: "serve only: a client is not a vmfit-agent" in caplog.text)
    assert "PRI * HTTP/2.0" in caplog.text


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "did not answer in time"),
        (b"", "the connection was closed"),
        (b"\0\0\0", "the connection was closed"),
        (struct.pack("!BI", 0, 1 << 31), "an answer of 2147483648 bytes"),
        (struct.pack("!BI", 99, 0), "an answer of the unknown status 99"),
    ],
)
def test_a_collecting_process_that_does_not_behave(tmp_path, answer, message):
    address = Address(path=str(tmp_path / "c.sock"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address.path)
        listener.listen()

        def accept():
            connection, _ = listener.accept()
            with connection:
                frames.receive_request(connection, 5)
                if answer is None:
                    connection.recv(1)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=accept)
        thread.start()
        call = CollectSocket(address).answer
        status, told = failure(lambda: call("GetSnapshot", IDENTITY, 0.5, LOCAL))
        thread.join()
    assert (status, told) == (
        Status.UNAVAILABLE,
        f"the collecting process at {address}: {message}",
    )


def test_nobody_listens(tmp_path, fake):
    address = Address(path=str(tmp_path / "c.sock"))
    told = f"the collecting process at {address}: "
    gone = (Status.UNAVAILABLE, told + "No such file or directory")
    assert failure(lambda: hostname(address)) == gone
    assert failure(lambda: CollectSocket(address).watch(WATCH, LOCAL)) == gone
    left_behind = socket.socket(socket.AF_UNIX)
    left_behind.bind(address.path)
    left_behind.close()
    refused = (Status.UNAVAILABLE, told + "Connection refused")
    assert failure(lambda: hostname(address)) == refused


def test_a_socket_left_behind_is_taken_over(fake, collect, tmp_path):
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "collect.sock"))
    address, serving = collect(fake.source())
    assert hostname(address) == "alpha"
    serving.stop()
    assert not (tmp_path / "collect.sock").exists()


def test_many_calls_at_once(address):
    results = []
    callers = [
        threading.Thread(target=lambda: results.extend(hostname(address) for _ in range(20)))
        for _ in range(16)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == ["alpha"] * 320


def test_the_server_goes_on_without_threads(fake, collect, monkeypatch):
    address, _ = collect(fake.source())
    start = threading.Thread.start

    def fail(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    status, _ = failure(lambda: hostname(address))
    assert status is Status.RESOURCE_EXHAUSTED
    monkeypatch.setattr(threading.Thread, "start", start)
    assert hostname(address) == "alpha"


def test_the_callers_name_and_roles_travel_whole(tmp_path):
    caller = Caller("dns:" + "ü" * 200 + ".example", frozenset({Role.READ, Role.PROBE}))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        frames.send_request(ours, frames.Request("M" * 255, 1.5, b"request", caller))
        received = frames.receive_request(theirs, 5)
    assert received == frames.Request("M" * 255, 1.5, b"request", caller)


@pytest.mark.parametrize(("method", "name"), [("M" * 256, "dns:a"), ("Probe", "dns:" + "ü" * 511)])
def test_nothing_is_cut_off_in_silence(method, name):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        request = frames.Request(method, 1.5, b"", Caller(name, frozenset()))
        status, message = failure(lambda: frames.send_request(ours, request))
    assert (status, "too long" in message) == (Status.INVALID_ARGUMENT, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
@pytest.mark.parametrize(
    ("who", "permitted"),
    [((1234, [1234]), False), ((1234, [4321]), True), ((0, [1234]), True),
     ((1234, [1, 2, 4321]), True), ((1234, []), False), ((4444, [1234]), True)],
)  # fmt: skip
def test_others_are_refused_whatever_the_sockets_mode(fake, tmp_path, caplog, who, permitted):
    # The owner and the group are what they are when the service starts, as with systemd's sockets.
    with socket.socket(socket.AF_UNIX) as listener:
        path = tmp_path / "shared.sock"
        listener.bind(str(path))
        listener.listen()
        os.chown(path, 4444, 4321)
        service = server.SocketServer(HostMetadata(fake.source()))
        service.start(Address(path=str(path)), listener)
        path.chmod(0o666)
        tmp_path.chmod(0o711)
        try:
            status = asked_by(*who, tmp_path, path.name)
        finally:
            service.stop()
    assert status == (0 if permitted else Status.PERMISSION_DENIED)
    assert (f"of user {who[0]}" in caplog.text) is not permitted


def asked_by(uid, groups, directory, name):
    """Ask as another user; return the answer's status."""
    child = os.fork()
    if child == 0:
        status = 255
        try:
            os.chdir(directory)
            os.setgroups(groups)
            os.setgid(groups[0] if groups else uid)
            os.setuid(uid)
            CollectSocket(Address(path=name)).answer("GetSnapshot", IDENTITY, 5.0, LOCAL)
            status = 0
        except CallFailed as failed:
            status = failed.status
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
