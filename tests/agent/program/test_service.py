import threading
import time
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from grpc_status import rpc_status

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    GetSnapshotRequest,
    WatchSnapshotRequest,
)
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit.v1.rpcs import HOST_METADATA
from vmfit_agent.collect_socket import client
from vmfit_agent.collect_socket.client import CollectSocket
from vmfit_agent.collect_socket.server import SocketServer
from vmfit_agent.server import LIMITS, AgentServer
from vmfit_agent.service import HostMetadata
from vmfit_contract.address import Address
from vmfit_contract.errors import cause_of
from vmfit_contract.listening import ListenError

NAMES = ["identity", "memory", "network"]


@pytest.fixture
def stub(fake, start, dial):
    """The service by one process, and by two."""
    return HostMetadataStub(dial(start(fake.source())))


def fields(error):
    status = rpc_status.from_call(error)
    request = error_details_pb2.BadRequest()
    return [
        violation.field
        for detail in status.details
        if detail.Unpack(request)
        for violation in request.field_violations
    ]


def test_snapshot(stub, fake):
    snapshot = stub.GetSnapshot(GetSnapshotRequest(parts=NAMES)).snapshot
    assert snapshot.identity.hostname == "alpha"
    fake.hostname = "beta"
    known = {"memory": snapshot.parts[1].digest}
    request = GetSnapshotRequest(parts=NAMES, known_digests=known)
    assert stub.GetSnapshot(request).snapshot.identity.hostname == "alpha"
    request.max_age.FromSeconds(0)
    snapshot = stub.GetSnapshot(request).snapshot
    assert snapshot.identity.hostname == "beta"
    assert snapshot.parts[1].unchanged
    assert not snapshot.HasField("memory")


@pytest.mark.parametrize(
    ("method", "request_", "code", "field"),
    [
        ("GetSnapshot", GetSnapshotRequest(parts=["cpu", "cpus"]), "INVALID_ARGUMENT", "parts[1]"),
        ("GetSnapshot", GetSnapshotRequest(parts=["taken_at"]), "INVALID_ARGUMENT", "parts[0]"),
        (
            "GetSnapshot",
            GetSnapshotRequest(max_age={"seconds": -1}),
            "INVALID_ARGUMENT",
            "max_age",
        ),
        ("DescribeVm", DescribeVmRequest(), "INVALID_ARGUMENT", "vm"),
        ("DescribeVm", DescribeVmRequest(name=""), "INVALID_ARGUMENT", "name"),
        ("DescribeVm", DescribeVmRequest(name="gone"), "NOT_FOUND", "name"),
        ("DescribeVm", DescribeVmRequest(xml="<!DOCTYPE x>"), "INVALID_ARGUMENT", "xml"),
        ("DescribeVm", DescribeVmRequest(xml="é" * (1 << 19) + "x"), "INVALID_ARGUMENT", "xml"),
    ],
)
def test_errors_name_the_field(stub, method, request_, code, field):
    with pytest.raises(grpc.RpcError) as raised:
        getattr(stub, method)(request_)
    assert raised.value.code().name == code
    assert fields(raised.value) == [field]
    assert "\n" not in raised.value.details()
    reasons = {"parts[1]": "PART_UNKNOWN", "parts[0]": "PART_UNKNOWN"}
    reasons |= {"name": "VM_UNKNOWN"} if code == "NOT_FOUND" else {}
    assert cause_of(raised.value).reason in (reasons.get(field, code), "VM_UNUSABLE")


def test_an_unknown_part_ends_a_watch_too(stub):
    with pytest.raises(grpc.RpcError) as raised:
        list(stub.WatchSnapshot(WatchSnapshotRequest(parts=["x"])))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_describe(stub):
    assert stub.DescribeVm(DescribeVmRequest(name="web")).vm.name == "web"


def test_the_callers_deadline_is_kept(stub, fake):
    fake.release.clear()
    snapshot = stub.GetSnapshot(GetSnapshotRequest(parts=NAMES), timeout=1.0).snapshot
    assert snapshot.HasField("memory")
    assert not snapshot.HasField("network")
    assert "caller" in snapshot.parts[2].error


def test_watch(stub, fake):
    stream = stub.WatchSnapshot(WatchSnapshotRequest(parts=["identity"]))
    assert next(stream).snapshot.identity.hostname == "alpha"
    stream.cancel()


def test_watches_are_bounded_and_end_with_their_clients(stub, fake):
    streams = [
        stub.WatchSnapshot(WatchSnapshotRequest(parts=["identity"]))
        for _ in range(LIMITS.watches.per_caller)
    ]
    for stream in streams:
        next(stream)
    with pytest.raises(grpc.RpcError) as raised:
        next(stub.WatchSnapshot(WatchSnapshotRequest(parts=["identity"])))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stub.GetSnapshot(GetSnapshotRequest(parts=["identity"])).HasField("snapshot")
    for stream in streams:
        stream.cancel()
    for _ in range(50):  # The places are free again, soon.
        stream = stub.WatchSnapshot(WatchSnapshotRequest(parts=["identity"]))
        try:
            next(stream)
            break
        except grpc.RpcError:
            time.sleep(0.1)
    else:
        pytest.fail("the watches did not end")
    stream.cancel()


def test_a_lost_collecting_process_is_unavailable_and_comes_back(
    fake, collect, serve, dial, monkeypatch
):
    monkeypatch.setattr(client, "HEALTH_SECONDS", 0.2)
    collect_address, collecting = collect(fake.source())
    address, _ = serve(CollectSocket(collect_address))
    channel = dial(address)
    stub, health = HostMetadataStub(channel), health_pb2_grpc.HealthStub(channel)
    request = GetSnapshotRequest(parts=["identity"])
    stub.GetSnapshot(request)
    await_health(health, "SERVING")
    stream = stub.WatchSnapshot(WatchSnapshotRequest(parts=["identity"]))
    next(stream)
    collecting.stop()
    with pytest.raises(grpc.RpcError) as raised:
        next(stream)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    with pytest.raises(grpc.RpcError) as raised:
        stub.GetSnapshot(request)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "the collecting process at unix:" in raised.value.details()
    assert "\n" not in raised.value.details()
    await_health(health, "NOT_SERVING")
    collect(fake.source())
    await_health(health, "SERVING")
    assert stub.GetSnapshot(request).snapshot.identity.hostname == "alpha"


def await_health(stub, wanted):
    for _ in range(100):
        response = stub.Check(health_pb2.HealthCheckRequest(service=HOST_METADATA))
        name = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
        if name == wanted:
            return
        time.sleep(0.1)
    pytest.fail(f"health stayed {name}")


def test_reflection_lists_the_service(fake, serve, dial):
    address, _ = serve(fake.source())
    stub = ServerReflectionStub(dial(address))
    answer = next(stub.ServerReflectionInfo(iter([ServerReflectionRequest(list_services="")])))
    names = {each.name for each in answer.list_services_response.service}
    assert names >= {HOST_METADATA, "grpc.health.v1.Health"}


@pytest.mark.parametrize("processes", [1, 2])
def test_stopping_is_quick_although_a_watch_is_open(fake, collect, serve, dial, processes):
    source = fake.source()
    address, server = serve(source if processes == 1 else CollectSocket(collect(source)[0]))
    stream = HostMetadataStub(dial(address)).WatchSnapshot(WatchSnapshotRequest(parts=["memory"]))
    next(stream)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 5
    with pytest.raises((grpc.RpcError, StopIteration)):
        next(stream)


def test_plain_text_over_the_network_only_when_asked_for(fake):
    server = AgentServer(HostMetadata(fake.source()))
    with pytest.raises(ListenError, match="needs --insecure"):
        server.start(Address("127.0.0.1", 0))
    address = server.start(Address("127.0.0.1", 0), insecure=True)
    assert address.port > 0
    with pytest.raises(ListenError, match=r"cannot listen: Address already in use"):
        AgentServer(HostMetadata(fake.source())).start(address, insecure=True)
    server.stop()


@pytest.mark.parametrize("make_server", [AgentServer, SocketServer])
def test_a_socket_is_for_owner_and_group_and_is_not_stolen(
    fake, serve, collect, tmp_path, make_server
):
    calls = HostMetadata(fake.source())
    address, _ = (serve if make_server is AgentServer else collect)(fake.source())
    assert Path(address.path).stat().st_mode & 0o777 == 0o660
    with pytest.raises(ListenError, match="another process does already"):
        make_server(calls).start(address)
    with pytest.raises(ListenError, match="no directory"):
        make_server(calls).start(Address(path=str(tmp_path / "no" / "a.sock")))
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ListenError, match="cannot listen"):
        make_server(calls).start(Address(path=str(tmp_path / "file")))
    assert (tmp_path / "file").read_text() == "precious"


def test_a_large_snapshot_travels(fake, start):
    fake.hostname = "x" * (20 << 20)
    limit = [("grpc.max_receive_message_length", 64 << 20)]
    with grpc.insecure_channel(start(fake.source()).target, options=limit) as channel:
        request = GetSnapshotRequest(parts=["identity"])
        snapshot = HostMetadataStub(channel).GetSnapshot(request).snapshot
    assert len(snapshot.identity.hostname) == 20 << 20


def test_calls_run_beside_a_hung_one(fake, stub):
    fake.release.clear()
    hung = threading.Thread(target=stub.GetSnapshot, args=(GetSnapshotRequest(parts=NAMES),))
    hung.start()
    assert stub.GetSnapshot(GetSnapshotRequest(parts=["identity"]), timeout=2)
    fake.release.set()
    hung.join(10)
