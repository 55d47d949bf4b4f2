"""The Probe call: through one process and through two, and when it is refused."""

from ipaddress import ip_address

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from vmfit.v1.host_metadata_service_pb2 import DescribeVmResponse, ProbeRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit.v1.probe_pb2 import ConnectOutcome
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.collect_socket.client import CollectSocket
from vmfit_agent.collect_socket.server import SocketServer
from vmfit_agent.host import Host
from vmfit_agent.networking.interface_addresses import interface_addresses
from vmfit_agent.probes.addresses import why_never
from vmfit_agent.probes.probe_settings import ProbeSettings
from vmfit_agent.probes.prober import Prober
from vmfit_agent.server import AgentServer
from vmfit_agent.service import HostMetadata
from vmfit_agent.sources.in_process import InProcess
from vmfit_agent.sources.replay import Replay
from vmfit_contract.address import Address


def prober(host, per_minute):
    return Prober(host, ProbeSettings(per_minute=per_minute)).answer


@pytest.fixture
def own_address():
    """An address of this machine that probes may go to."""
    for addresses in interface_addresses().values():
        for each in addresses:
            address = each.partition("/")[0]
            if not why_never(ip_address(address)):
                return address
    return pytest.skip("this machine has no address but loopback ones")


@pytest.fixture
def ask(fake, start, dial):
    """Ask a source for probes, by one process and by two."""

    def connect(source=None, per_minute=600):
        host = Host()
        source = source or InProcess(host, fake.collectors, fake.describe, prober(host, per_minute))
        return HostMetadataStub(dial(start(source))).Probe

    return connect


def names(*texts):
    return ProbeRequest(probes=[{"resolve_name": {"name": text}} for text in texts])


def refused(call, request):
    with pytest.raises(grpc.RpcError) as raised:
        call(request)
    assert "\n" not in raised.value.details()
    return raised.value.code().name, raised.value.details()


def test_answers_come_in_order(ask):
    results = ask()(names("127.0.0.1", "192.0.2.1", "::1")).results
    assert [list(result.name.addresses) for result in results] == [
        ["127.0.0.1"],
        ["192.0.2.1"],
        ["::1"],
    ]
    assert not any(result.error for result in results)


def test_a_listener_and_its_peer(ask, own_address):
    probe = ask()
    question = {"address": own_address, "first_port": 49152, "last_port": 49215, "seconds": 5}
    [listening] = probe(ProbeRequest(probes=[{"open_listener": question}])).results
    place = {"host": own_address, "port": listening.listener.port}
    # A device that is a client of the host itself is the one reason to connect to it.
    device = {"type": "tcp", "mode": "connect", **place}
    case = {"description": {"character_devices": [device]}}
    [first] = probe(ProbeRequest(probes=[{"connect_port": place}], case=case)).results
    assert first.connect.outcome == ConnectOutcome.CONNECT_OUTCOME_CONNECTED
    [second] = probe(ProbeRequest(probes=[{"connect_port": place}], case=case)).results
    assert second.connect.outcome == ConnectOutcome.CONNECT_OUTCOME_REFUSED


def test_places_that_are_not_asked_have_an_error_that_says_why(ask):
    places = [("127.0.0.1", 22), ("169.254.169.254", 80), ("192.0.2.1", 6443), ("localhost", 22)]
    probes = [{"connect_port": {"host": host, "port": port}} for host, port in places]
    case = {"hosts": ["localhost"]}
    errors = [each.error for each in ask()(ProbeRequest(probes=probes, case=case)).results]
    assert errors[:3] == [
        "127.0.0.1 is a loopback address: no probe goes there",
        "169.254.169.254 is a link-local address: no probe goes there",
        "the agent's probe_ports does not allow port 6443",
    ]
    assert "a loopback address: no probe goes there" in errors[3]


def test_a_domain_that_is_not_here(ask):
    question = {"uuid": "11111111-0000-4000-8000-000000000001", "period_seconds": 1}
    [result] = ask()(ProbeRequest(probes=[{"measure_dirty_rate": question}])).results
    assert result.error == f"no domain {question['uuid']} is here"


def test_no_questions_no_answers(ask):
    assert not ask()(ProbeRequest()).results


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (names("a", ""), "probes[1].resolve_name.name"),
        (names(*["a"] * 65), "probes"),
        (ProbeRequest(probes=[{"hash_blocks": {"path": "/a"}}]), "probes[0].hash_blocks.nonces"),
        (
            ProbeRequest(probes=[{"measure_dirty_rate": {"uuid": "web", "period_seconds": 1}}]),
            "probes[0].measure_dirty_rate.uuid",
        ),
    ],
)
def test_errors_name_the_field(ask, request_, field):
    with pytest.raises(grpc.RpcError) as raised:
        ask()(request_)
    assert raised.value.code().name == "INVALID_ARGUMENT"
    detail = error_details_pb2.BadRequest()
    found = [
        violation.field
        for each in rpc_status.from_call(raised.value).details
        if each.Unpack(detail)
        for violation in detail.field_violations
    ]
    assert found == [field]


def test_the_rate(ask):
    probe = ask(per_minute=3)
    probe(names("127.0.0.1", "127.0.0.1"))
    code, details = refused(probe, names("127.0.0.1", "127.0.0.1"))
    assert code == "RESOURCE_EXHAUSTED"
    assert "probes_per_minute" in details


def test_a_recording_answers_no_probes(ask):
    replay = Replay(Snapshot(), lambda _: DescribeVmResponse())
    code, details = refused(ask(replay), names("a"))
    assert (code, "recording" in details) == ("FAILED_PRECONDITION", True)


def test_a_recorded_tree_answers_no_probes(ask, fake, tmp_path):
    host = Host(tmp_path)
    source = InProcess(host, fake.collectors, fake.describe, prober(host, 600))
    code, details = refused(ask(source), names("a"))
    assert (code, "recorded" in details) == ("FAILED_PRECONDITION", True)


def test_a_source_that_may_not_probe(ask, fake):
    code, details = refused(ask(fake.source()), names("a"))
    assert (code, "probes = false" in details) == ("FAILED_PRECONDITION", True)


@pytest.mark.parametrize("side", ["collecting", "serving"])
def test_the_configuration_of_either_process_forbids_probes(fake, dial, tmp_path, side):
    host = Host()
    source = InProcess(host, fake.collectors, fake.describe, prober(host, 600))
    collecting = SocketServer(HostMetadata(source, probes=side != "collecting"))
    inner = collecting.start(Address(path=str(tmp_path / "collect.sock")))
    serving = AgentServer(CollectSocket(inner, probes=side != "serving"))
    outer = serving.start(Address(path=str(tmp_path / "agent.sock")))
    try:
        code, details = refused(HostMetadataStub(dial(outer)).Probe, names("127.0.0.1"))
    finally:
        serving.stop()
        collecting.stop()
    assert (code, "probes = false" in details) == ("FAILED_PRECONDITION", True)


def test_a_collecting_process_that_is_not_there(dial, serve, tmp_path):
    address, _ = serve(CollectSocket(Address(path=str(tmp_path / "none.sock"))))
    code, _ = refused(HostMetadataStub(dial(address)).Probe, names("a"))
    assert code == "UNAVAILABLE"
