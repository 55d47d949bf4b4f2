"""How the parts fare: between the two processes, in health, and in metrics."""

import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from prometheus_client import CollectorRegistry

from vmfit.v1.rpcs import HOST_METADATA, HOST_PREPARATION
from vmfit_agent import part_health
from vmfit_agent.collect_socket import client
from vmfit_agent.collect_socket.client import CollectSocket
from vmfit_agent.metrics import PartMetrics
from vmfit_agent.part_state import PartState, decode, encode
from vmfit_agent.service import HostMetadata
from vmfit_contract.address import Address


@pytest.fixture(params=["one process", "two processes"])
def calls(request, fake, collect):
    source = fake.source()
    if request.param == "one process":
        return HostMetadata(source)
    return CollectSocket(collect(source)[0])


def test_states(calls, fake):
    assert calls.part_states(None, 5.0) == {}
    fake.error = OSError("no network")
    states = calls.part_states(60.0, 5.0)
    assert {name: state.is_there for name, state in states.items()} == {
        "identity": True, "memory": True, "network": False,
    }  # fmt: skip
    counts = dict(fake.counts)
    time.sleep(0.2)
    again = calls.part_states(None, 5.0)
    assert fake.counts == counts  # nothing is collected for who does not ask for it
    assert 0.2 <= again["identity"].age_seconds < 10
    calls.part_states(60.0, 5.0)
    assert fake.counts == counts  # young enough
    calls.part_states(0.1, 5.0)
    assert fake.counts["identity"] == counts["identity"] + 1


def test_a_part_that_hangs_is_not_there_and_grows_old(calls, fake):
    calls.part_states(60.0, 5.0)
    fake.release.clear()
    began = time.monotonic()
    time.sleep(0.3)
    states = calls.part_states(0.1, 1.0)
    assert time.monotonic() - began < 4
    assert not states["network"].is_there
    assert states["network"].age_seconds >= 0.3
    assert states["memory"].is_there


def test_states_travel_as_text():
    states = {"cpu": PartState(1.5, 0.25, is_there=True), "pci": PartState(0, 0, is_there=False)}
    assert decode(encode(states)) == states
    for text in (b"cpu 1 2", b"cpu nan 1 1", b"cpu 1 x 1", b"\xff 1 1 1", b"x" * 70000):
        with pytest.raises(ValueError, match=r"."):
            decode(text)


def status(channel, service):
    asked = health_pb2.HealthCheckRequest(service=service)
    try:
        found = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=5).status
    except grpc.RpcError as error:
        return error.code().name
    return health_pb2.HealthCheckResponse.ServingStatus.Name(found)


def await_status(channel, service, wanted):
    for _ in range(100):
        found = status(channel, service)
        if found == wanted:
            return
        time.sleep(0.05)
    pytest.fail(f"{service} stayed {found}")


def test_health_tells_of_each_part(fake, collect, serve, dial, monkeypatch):
    monkeypatch.setattr(client, "HEALTH_SECONDS", 0.1)
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(part_health, "PAUSE_SECONDS", 0.1)
    address, collecting = collect(fake.source())
    calls = CollectSocket(address)
    channel = dial(serve(calls)[0])
    part = f"{HOST_METADATA}/network"
    await_status(channel, HOST_METADATA, "SERVING")
    assert status(channel, part) == "NOT_FOUND"  # it was never collected
    assert status(channel, f"{HOST_METADATA}/nothing") == "NOT_FOUND"
    calls.part_states(0, 5.0)
    await_status(channel, part, "SERVING")
    fake.error = OSError("no network")
    calls.part_states(0, 5.0)
    await_status(channel, part, "NOT_SERVING")
    assert status(channel, HOST_METADATA) == "SERVING"
    assert status(channel, f"{HOST_METADATA}/memory") == "SERVING"
    collecting.stop()
    await_status(channel, HOST_METADATA, "NOT_SERVING")
    assert status(channel, f"{HOST_METADATA}/memory") == "NOT_SERVING"


def test_a_watch_of_a_part_sees_it_come(fake, serve, dial, monkeypatch):
    monkeypatch.setattr(part_health, "PAUSE_SECONDS", 0.1)
    source = fake.source()
    channel = dial(serve(source)[0])
    asked = health_pb2.HealthCheckRequest(service=f"{HOST_METADATA}/memory")
    stream = health_pb2_grpc.HealthStub(channel).Watch(asked, timeout=20)
    assert next(stream).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    source.part_states(0, 5.0)
    assert next(stream).status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("package", ["grpc.reflection.v1", "grpc.reflection.v1alpha"])
def test_reflection_by_both_names(fake, serve, dial, package):
    channel = dial(serve(fake.source())[0])
    ask = channel.stream_stream(
        f"/{package}.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    questions = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(
            file_containing_symbol=f"{package}.ServerReflection"
        ),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=HOST_METADATA),
    ]
    listed, own, described = ask(iter(questions), timeout=10)
    names = {each.name for each in listed.list_services_response.service}
    assert names == {
        HOST_METADATA, HOST_PREPARATION,
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }  # fmt: skip
    assert package.encode() in own.file_descriptor_response.file_descriptor_proto[0]
    assert described.file_descriptor_response.file_descriptor_proto


def samples(registry):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }


def test_metrics_of_parts(calls, fake):
    fake.error = OSError("no network")
    registry = CollectorRegistry()
    registry.register(PartMetrics(calls))
    found = samples(registry)
    assert found["vmfit_agent_collector_up",] == 1
    assert found["vmfit_agent_part_up", "network"] == 0
    assert found["vmfit_agent_part_up", "memory"] == 1
    assert found["vmfit_agent_part_age_seconds", "memory"] < 10
    assert ("vmfit_agent_part_collection_seconds", "identity") in found


def test_metrics_without_a_collecting_process(tmp_path):
    registry = CollectorRegistry()
    registry.register(PartMetrics(CollectSocket(Address(path=str(tmp_path / "none")))))
    assert samples(registry) == {("vmfit_agent_collector_up",): 0}
