"""A process that has hardly any descriptors: refusals that say so, and everything whole after."""

import time

import grpc
import pytest

from tests.load.services import check
from tests.load.test_many_clients import all_at_once
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest, GetSnapshotRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub

DESCRIPTORS = 64
CLIENTS = 60
EXPECTED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    # Who finds no room for a connection waits for it, or is hung up on.
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
DOMAIN = (
    "<domain type='qemu'><name>web</name><memory unit='MiB'>64</memory>"
    "<os><type arch='x86_64'>hvm</type></os></domain>"
)


def replaying(services):
    return services.replaying("epyc-four-nodes", descriptors=DESCRIPTORS)


def collected(services):
    collect = services.collecting(descriptors=DESCRIPTORS).start()
    return services.serving("--source", collect.address).start()


def comparing(services):
    agents = {name: services.replaying("epyc-four-nodes").address for name in ("source",)}
    agents["destination"] = services.replaying("skylake-memory-only-node").address
    return services.comparing(agents, descriptors=DESCRIPTORS).start()


def snapshot(channel):
    request = GetSnapshotRequest(parts=["identity", "memory"])
    return lambda timeout: HostMetadataStub(channel).GetSnapshot(request, timeout=timeout)


def description(channel):
    request = DescribeVmRequest(xml=DOMAIN)
    return lambda timeout: HostMetadataStub(channel).DescribeVm(request, timeout=timeout)


def checking(channel):
    return lambda timeout: ComparatorStub(channel).Check(check(), timeout=timeout)


@pytest.mark.parametrize(
    ("make", "method"),
    [(replaying, snapshot), (collected, snapshot), (collected, description), (comparing, checking)],
)
def test_sixty_clients_and_sixty_four_descriptors(services, tally, make, method):
    service = make(services)
    channels = [services.dial(service.address) for _ in range(CLIENTS)]
    codes = {}

    def ask(number):
        try:
            method(channels[number])(timeout=10)
            code = grpc.StatusCode.OK
        except grpc.RpcError as error:
            code = error.code()
        tally.add(None if code in EXPECTED else code.name)
        codes[code] = codes.get(code, 0) + 1

    all_at_once(CLIENTS, ask)
    tally.note(", ".join(f"{count} {code.name}" for code, count in codes.items()))
    for channel in channels:
        channel.close()
    assert tally.losses == []
    assert codes[grpc.StatusCode.OK] >= 5
    time.sleep(1)
    for _ in range(20):
        with services.dial(service.address) as channel:
            method(channel)(timeout=10)
    assert service.process.poll() is None
    assert "Traceback" not in service.log
