"""The process for questions about the network: what it answers, refuses, and what its end means."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vmfit.v1.host_metadata_service_pb2 import ProbeRequest, ProbeResponse
from vmfit.v1.probe_pb2 import Probe
from vmfit.v1.rpcs import HOST_METADATA_RPCS
from vmfit_agent.calls import CallFailed, Status
from vmfit_agent.collect_socket.client import CollectSocket
from vmfit_agent.host import Host
from vmfit_agent.probes.handed_on import METHOD
from vmfit_agent.probes.network_service import NetworkProbes
from vmfit_agent.probes.probe_settings import DEFAULTS
from vmfit_agent.probes.prober import Prober
from vmfit_contract.access import LOCAL
from vmfit_contract.address import Address

NAME = Probe(resolve_name={"name": "192.0.2.1"})
FORBIDDEN = Probe(connect_port={"host": "127.0.0.1", "port": 22})


@pytest.fixture
def helper(tmp_path):
    """The process itself, as a user without privileges where the tests run as root."""
    running = []

    def run(*options, before=()):
        directory = tmp_path / "run"
        directory.mkdir(exist_ok=True)
        path = directory / "probe.sock"
        path.unlink(missing_ok=True)
        program = Path(sys.executable).with_name("vmfit-agent")
        process = subprocess.Popen(
            [program, *before, "probe", "--socket", str(path), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        running.append(process)
        for _ in range(200):
            if path.is_socket():
                return process, Address(path=str(path))
            time.sleep(0.05)
        raise AssertionError(process.stderr.read())

    yield run
    for process in running:
        process.kill()
        process.wait()
        process.stderr.close()


def calls(address):
    return CollectSocket(address, who="the process for questions about the network")


def ask(service, *probes, seconds=5.0):
    request = ProbeRequest(probes=probes).SerializeToString()
    return ProbeResponse.FromString(service.answer(METHOD, request, seconds, LOCAL)).results


def test_the_method_is_one_of_the_contract():
    assert HOST_METADATA_RPCS[METHOD].request == ProbeRequest.DESCRIPTOR.full_name


@pytest.mark.parametrize(
    ("probe", "kind"),
    [
        (Probe(access_path={"path": "/etc/shadow"}), "access_path"),
        (
            Probe(hash_blocks={"path": "/a", "nonces": [b"n" * 16], "block_bytes": 512}),
            "hash_blocks",
        ),
        (
            Probe(measure_dirty_rate={
                "uuid": "11111111-0000-4000-8000-000000000001", "period_seconds": 1
            }),
            "measure_dirty_rate",
        ),
        (
            Probe(open_disk={"source": {
                "type": "network", "protocol": "nbd",
                "hosts": [{"transport": "unix", "socket": "/run/qemu/a"}],
            }}),
            "open_disk",
        ),
    ],
)  # fmt: skip
def test_it_answers_questions_about_the_network_only(probe, kind):
    with pytest.raises(CallFailed) as raised:
        ask(NetworkProbes(Host(), DEFAULTS), NAME, probe)
    assert raised.value.status == Status.INVALID_ARGUMENT
    assert raised.value.field.startswith(f"probes[1].{kind}")


@pytest.mark.parametrize("method", [*sorted(set(HOST_METADATA_RPCS) - {METHOD}), "", "x" * 300])
def test_it_has_no_other_method(method):
    service = NetworkProbes(Host(), DEFAULTS)
    with pytest.raises(CallFailed) as raised:
        service.answer(method, b"", 1.0, LOCAL)
    assert raised.value.status == Status.UNIMPLEMENTED
    with pytest.raises(CallFailed):
        service.watch(b"", LOCAL)


def test_it_does_not_trust_who_hands_questions_on():
    [result] = ask(NetworkProbes(Host(), DEFAULTS), FORBIDDEN)
    assert "loopback" in result.error
    with pytest.raises(CallFailed) as raised:
        NetworkProbes(Host(), DEFAULTS).answer(METHOD, b"\xff\xff", 1.0, LOCAL)
    assert raised.value.status == Status.INVALID_ARGUMENT


def test_questions_are_handed_on_in_order_and_only_where_they_may_be(helper):
    process, address = helper()
    prober = Prober(Host(), network=calls(address))
    access = Probe(access_path={"path": "/"})
    results = prober.answer([NAME, access, FORBIDDEN, NAME], 5, LOCAL)
    assert [list(results[n].name.addresses) for n in (0, 3)] == [["192.0.2.1"]] * 2
    assert results[1].HasField("access") or results[1].error
    assert "loopback" in results[2].error
    process.terminate()
    log = process.communicate()[1].decode()
    assert log.count("probe for local: resolve '192.0.2.1'") == 2
    assert "connect to" not in log
    assert "access" not in log


def test_its_end_is_one_clear_error_and_costs_no_other_answer(helper):
    process, address = helper()
    prober = Prober(Host(), network=calls(address))
    assert prober.answer([NAME], 5, LOCAL)[0].HasField("name")
    process.kill()
    process.wait()
    began = time.monotonic()
    results = prober.answer([NAME, Probe(access_path={"path": "/"})], 5, LOCAL)
    assert time.monotonic() - began < 2
    assert results[0].error == (
        f"the process for questions about the network at {address}: Connection refused"
    )
    assert "network" not in results[1].error
    helper()
    assert prober.answer([NAME], 5, LOCAL)[0].HasField("name")


def test_one_that_stops_answering_costs_its_own_questions(helper):
    process, address = helper()
    prober = Prober(Host(), network=calls(address))
    os.kill(process.pid, 19)
    began = time.monotonic()
    results = prober.answer([NAME], 1.0, LOCAL)
    os.kill(process.pid, 18)
    assert time.monotonic() - began < 2
    assert "the process for questions about the network" in results[0].error


class Nonsense:
    def __init__(self, answer):
        self.say = answer

    def answer(self, method, request, seconds, caller):
        return self.say


@pytest.mark.parametrize(
    "answer", [b"", b"\xff" * 10, ProbeResponse(results=[{}, {}]).SerializeToString()]
)
def test_one_that_answers_nonsense(answer):
    [result] = Prober(Host(), network=Nonsense(answer)).answer([NAME], 5, LOCAL)
    assert result.error


def test_hostile_peers_of_its_socket(helper):
    process, address = helper()
    service = calls(address)
    for sent in (
        b"", b"\0" * 4, b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"vmf\x02" + struct.pack("!dBHBI", float("nan"), 255, 65535, 255, 0xFFFFFFFF),
        b"vmf\x02" + struct.pack("!dBHBI", float("inf"), 5, 0, 0, 10) + b"Probe" + os.urandom(10),
    ):  # fmt: skip
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(address.path)
                peer.sendall(sent)
    half = [socket.socket(socket.AF_UNIX) for _ in range(8)]
    for peer in half:
        peer.connect(address.path)
        peer.sendall(b"vm")
    assert ask(service, NAME)[0].HasField("name")
    for peer in half:
        peer.close()
    assert process.poll() is None
    process.terminate()
    assert process.wait(10) == 0
    assert b"Traceback" not in process.stderr.read()


def test_probes_that_are_forbidden_are_not_answered_until_they_are_allowed(helper, tmp_path):
    config = tmp_path / "agent.toml"
    config.write_text("probes = false\n")
    process, address = helper(before=["--config", str(config)])
    with pytest.raises(CallFailed) as raised:
        ask(calls(address), NAME)
    assert raised.value.status == Status.FAILED_PRECONDITION
    config.write_text("probe_hosts = ['beta']\n")
    process.send_signal(signal.SIGHUP)
    for _ in range(100):
        with contextlib.suppress(CallFailed):
            [result] = ask(calls(address), NAME)
            break
        time.sleep(0.05)
    assert result.error == "the agent's probe_hosts does not allow 192.0.2.1"
