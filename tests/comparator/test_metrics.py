"""What the comparator measures: answers by fact, hosts, connections; and what its log says."""

import logging
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from urllib.request import urlopen

import grpc
import pytest
from prometheus_client import CollectorRegistry

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit.v1.comparator_service_pb2 import CheckRequest, HostReference, ListHostsRequest
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit_comparator import Engine
from vmfit_comparator.hosts.inventory import parse_inventory
from vmfit_comparator.metrics import DOES_NOT_APPLY, EngineMetrics, HostMetrics

PROGRAM = [sys.executable, "-c", "from vmfit_comparator.cli import main; main()"]


@pytest.fixture
def agents(tmp_path):
    with (
        FakeAgent(tmp_path / "a", source_snapshot(), [vm()]) as source,
        FakeAgent(tmp_path / "b", destination_snapshot()) as destination,
    ):
        yield source, destination


def inventory_text(agents, tmp_path):
    addresses = {
        "alpha": agents[0].address,
        "beta": agents[1].address,
        "dark": f"unix:{tmp_path}/c",
    }
    return "".join(f'[hosts.{name}]\naddress = "{each}"\n' for name, each in addresses.items())


def check_request():
    request = CheckRequest(
        source=HostReference(name="alpha"), destination=HostReference(name="beta")
    )
    request.vm.name_or_uuid = vm().name
    return request


def samples(registry):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }


@pytest.fixture
def measured(agents, tmp_path):
    inventory = parse_inventory(tomllib.loads(inventory_text(agents, tmp_path))["hosts"])
    registry = CollectorRegistry()
    with Engine(inventory, agent_timeout_seconds=5) as engine:
        engine.observe(EngineMetrics(registry))
        registry.register(HostMetrics(engine))
        yield engine, registry


def test_answers_are_counted_by_fact(measured):
    engine, registry = measured
    responses = [engine.check(check_request()) for _ in range(2)]
    found = samples(registry)
    answers = {key[1:]: value for key, value in found.items() if key[0] == "vmfit_answers_total"}
    assert set(answers.values()) == {2.0}
    facts = [(each.fact, each.not_applicable) for each in responses[0].findings]
    assert {key[0] for key in answers} == {fact for fact, _ in facts}
    assert {key[0] for key in answers if key[1] == DOES_NOT_APPLY} == {
        fact for fact, not_applicable in facts if not_applicable
    }
    assert any(not_applicable for _, not_applicable in facts)
    verdicts = {key[1:]: value for key, value in found.items() if key[0] == "vmfit_verdicts_total"}
    assert list(verdicts.values()) == [2.0]
    assert found["vmfit_agent_calls_total", "GetSnapshot", "OK"] >= 2
    assert found["vmfit_agent_call_seconds_count", "DescribeVm"] >= 1


def test_hosts_that_do_not_answer(measured, agents):
    engine, registry = measured
    assert samples(registry)["vmfit_inventory_hosts", "not_asked"] == 3
    engine.list_hosts()
    found = samples(registry)
    up = {key[1]: value for key, value in found.items() if key[0] == "vmfit_host_up"}
    assert up == {"alpha": 1, "beta": 1, "dark": 0}
    assert found["vmfit_inventory_hosts", "answering"] == 2
    assert found["vmfit_inventory_hosts", "silent"] == 1
    assert found["vmfit_agent_calls_total", "GetSnapshot", "UNAVAILABLE"] == 1
    agents[1].stop()
    engine.list_hosts()
    assert samples(registry)["vmfit_host_up", "beta"] == 0


def test_addresses_that_callers_name_make_no_series(measured, tmp_path):
    engine, registry = measured
    for number in range(20):
        request = check_request()
        request.destination.address = f"unix:{tmp_path}/none{number}"
        engine.check(request)
    hosts = [key for key in samples(registry) if key[0] == "vmfit_host_up"]
    assert hosts == [("vmfit_host_up", "alpha")]


def test_connections_in_use(measured, agents):
    engine, registry = measured
    engine.list_hosts()
    found = samples(registry)
    assert found["vmfit_agent_connections",] == 3
    assert found["vmfit_agent_connections_in_use",] == 0
    agents[1].gate.clear()
    asking = threading.Thread(target=engine.check, args=(check_request(),))
    asking.start()
    end = time.monotonic() + 10
    while samples(registry)["vmfit_agent_connections_in_use",] != 1:
        assert time.monotonic() < end
        time.sleep(0.05)
    agents[1].gate.set()
    asking.join()
    assert samples(registry)["vmfit_agent_connections_in_use",] == 0


def test_a_check_is_told_when_everything_is(measured, caplog):
    engine, _ = measured
    engine.check(check_request())
    assert not [each for each in caplog.records if each.name.endswith("check_log")]
    caplog.set_level(logging.DEBUG)
    engine.check(check_request())
    (told,) = [each for each in caplog.records if each.name.endswith("check_log")]
    assert f"{vm().name} from alpha to beta for local: ANSWER_" in told.getMessage()
    assert told.fields["HOST"] == "beta"
    assert told.fields["CALLER"] == "local"


def test_the_service(agents, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        metrics = f"127.0.0.1:{taken.getsockname()[1]}"
    settings = tmp_path / "comparator.toml"
    settings.write_text(f'metrics = "{metrics}"\n' + inventory_text(agents, tmp_path))
    words = ["serve", "-v", "--listen", f"unix:{tmp_path}/comparator.sock"]
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen([*PROGRAM, "--config", settings, *words], stderr=log)
        try:
            with grpc.insecure_channel(f"unix:{tmp_path}/comparator.sock") as channel:
                grpc.channel_ready_future(channel).result(30)
                stub = ComparatorStub(channel)
                stub.Check(check_request(), timeout=30)
                agents[1].stop()
                stub.ListHosts(ListHostsRequest(), timeout=30)
            with urlopen(f"http://{metrics}/metrics", timeout=10) as response:
                page = response.read().decode()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        log.seek(0)
        told = log.read()
    labels = 'grpc_code="OK",grpc_method="Check",grpc_service="vmfit.v1.Comparator"'
    assert f"grpc_server_handled_total{{{labels}}} 1.0" in page
    assert 'vmfit_host_up{host="alpha"} 1.0' in page
    assert 'vmfit_host_up{host="beta"} 0.0' in page
    assert 'vmfit_answers_total{answer="' in page
    assert "WARNING: host beta does not answer: " in told
    assert "DEBUG: /vmfit.v1.Comparator/Check for local: OK after " in told
    assert f"DEBUG: {vm().name} from alpha to beta for local: ANSWER_" in told
    assert "Traceback" not in told
    assert process.returncode == 0
