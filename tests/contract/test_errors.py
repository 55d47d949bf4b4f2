"""Errors over a real connection: details, and the one line that clients show."""

from concurrent import futures

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from vmfit.v1 import host_metadata_service_pb2 as messages
from vmfit.v1 import host_metadata_service_pb2_grpc as services
from vmfit_contract.address import Address
from vmfit_contract.channel import SERVER_OPTIONS, connect
from vmfit_contract.errors import abort, describe


class _Agent(services.HostMetadataServicer):
    def GetSnapshot(self, request, context):  # noqa: N802
        abort(context, grpc.StatusCode.INVALID_ARGUMENT, "no such\npart", "parts[0]")

    def DescribeVm(self, request, context):  # noqa: N802
        abort(context, grpc.StatusCode.NOT_FOUND, "no domain 'x'")


@pytest.fixture
def stub(tmp_path):
    server = grpc.server(futures.ThreadPoolExecutor(2), options=SERVER_OPTIONS)
    services.add_HostMetadataServicer_to_server(_Agent(), server)
    address = Address(path=str(tmp_path / "socket"))
    server.add_insecure_port(address.target)
    server.start()
    with connect(address) as channel:
        yield services.HostMetadataStub(channel)
    server.stop(None)


def test_abort_names_the_field(stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetSnapshot(messages.GetSnapshotRequest())
    assert describe(caught.value) == "parts[0]: no such part"
    status = rpc_status.from_call(caught.value)
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("INVALID_ARGUMENT", "vmfit")
    assert status.details[1].Unpack(request)
    assert request.field_violations[0].field == "parts[0]"


def test_describe_without_field(stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.DescribeVm(messages.DescribeVmRequest())
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert describe(caught.value) == "no domain 'x'"


def test_describe_unimplemented(stub):
    with pytest.raises(grpc.RpcError) as caught:
        next(iter(stub.WatchSnapshot(messages.WatchSnapshotRequest())))
    assert "not" in describe(caught.value).lower()


def test_dead_agent(tmp_path):
    nobody = Address(path=str(tmp_path / "nobody"))
    with connect(nobody) as channel, pytest.raises(grpc.RpcError) as caught:
        services.HostMetadataStub(channel).GetSnapshot(messages.GetSnapshotRequest())
    text = describe(caught.value)
    assert text.startswith("unavailable: unix:")
    assert "No such file" in text
    assert "\n" not in text
