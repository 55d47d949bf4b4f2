"""Traces of `vmfit serve`: spans of calls, below those of their callers, where OTEL_* says so."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from tests.agent.program.started_agent import AGENT
from tests.comparator.builders import source_snapshot
from vmfit.v1.comparator_service_pb2 import (
    GetHostSnapshotRequest,
    HostReference,
    ListFactsRequest,
)
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit_contract.snapshot_file import write_snapshot
from vmfit_contract.tracing import tracing

PROGRAM = [sys.executable, "-c", "from vmfit_comparator.cli import main; main()"]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.spans = []
        self.resources = []
        self.arrived = threading.Event()

    def Export(self, request, context):  # noqa: N802
        for each in request.resource_spans:
            self.resources.append(each.resource)
            self.spans += [span for scope in each.scope_spans for span in scope.spans]
        self.arrived.set()
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
def collector():
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    collector.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector
    server.stop(None).wait()


def serve(tmp_path, port, ask):
    """Run the service with a collector at a port, ask it, end it; return log and seconds to end."""
    words = ["serve", "--listen", f"unix:{tmp_path}/c.sock"]
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    process = subprocess.Popen(
        [*PROGRAM, *words], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        with grpc.insecure_channel(f"unix:{tmp_path}/c.sock") as channel:
            grpc.channel_ready_future(channel).result(60)
            ask(ComparatorStub(channel))
    finally:
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    return log, time.monotonic() - began


def values(attributes):
    return {each.key: each.value.string_value for each in attributes}


def test_a_call_is_a_span_below_its_callers(collector, tmp_path):
    def ask(stub):
        metadata = (("traceparent", f"00-{TRACE}-{PARENT}-01"),)
        stub.ListFacts(ListFactsRequest(), timeout=30, metadata=metadata)
        with pytest.raises(grpc.RpcError):
            stub.GetHostSnapshot(GetHostSnapshotRequest(), timeout=30)

    log, _ = serve(tmp_path, collector.port, ask)
    assert "Traceback" not in log
    spans = {span.name: span for span in collector.spans}
    facts = spans["vmfit.v1.Comparator/ListFacts"]
    assert facts.trace_id.hex() == TRACE
    assert facts.parent_span_id.hex() == PARENT
    assert facts.end_time_unix_nano > facts.start_time_unix_nano
    found = values(facts.attributes)
    assert found["rpc.response.status_code"] == "OK"
    assert found["vmfit.caller"] == "local"
    refused = spans["vmfit.v1.Comparator/GetHostSnapshot"]
    assert values(refused.attributes)["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert refused.parent_span_id == b""
    assert values(collector.resources[0].attributes)["service.name"] == "vmfit"


def test_agents_calls_are_below_the_comparators(collector, tmp_path):
    write_snapshot(source_snapshot(), tmp_path / "alpha.json")
    endpoint = f"http://127.0.0.1:{collector.port}"
    address = f"unix:{tmp_path}/agent.sock"
    agent = subprocess.Popen(
        [*AGENT, "serve", "--replay", tmp_path / "alpha.json", "--listen", address],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(60)

    def ask(stub):
        metadata = (("traceparent", f"00-{TRACE}-{PARENT}-01"),)
        host = HostReference(address=address)
        stub.GetHostSnapshot(GetHostSnapshotRequest(host=host), timeout=60, metadata=metadata)

    try:
        log, _ = serve(tmp_path, collector.port, ask)
    finally:
        agent.terminate()
        _, agents_log = agent.communicate(timeout=60)
    assert "Traceback" not in log + agents_log
    spans = {span.name: span for span in collector.spans}
    asked = spans["vmfit.v1.Comparator/GetHostSnapshot"]
    answered = spans["vmfit.v1.HostMetadata/GetSnapshot"]
    assert (asked.trace_id.hex(), asked.parent_span_id.hex()) == (TRACE, PARENT)
    assert answered.trace_id.hex() == TRACE
    assert answered.parent_span_id == asked.span_id
    named = {values(each.attributes)["service.name"] for each in collector.resources}
    assert named == {"vmfit", "vmfit-agent"}


def test_a_collector_that_is_away_holds_up_nobody(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    def ask(stub):
        for _ in range(3):
            began = time.monotonic()
            stub.ListFacts(ListFactsRequest(), timeout=30)
            assert time.monotonic() - began < 10

    _, seconds = serve(tmp_path, port, ask)
    assert seconds < 15


def test_nothing_is_traced_unless_somebody_is_to_be_told():
    for environment in (
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
    ):
        with tracing("vmfit", "0.1.0", environment) as observer:
            assert observer is None
