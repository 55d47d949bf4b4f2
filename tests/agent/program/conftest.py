"""Fakes for the agent as a program: collectors whose content and behaviour a test decides."""

import threading

import grpc
import pytest

from vmfit.v1.host_metadata_service_pb2 import DescribeVmResponse
from vmfit.v1.host_pb2 import Identity, Memory
from vmfit.v1.network_pb2 import Network
from vmfit_agent.collect_socket.client import CollectSocket
from vmfit_agent.collect_socket.server import SocketServer
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host
from vmfit_agent.server import AgentServer
from vmfit_agent.service import HostMetadata
from vmfit_agent.sources import UnknownDomain
from vmfit_agent.sources.in_process import InProcess
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_contract.address import Address


class FakeHost:
    """Three parts: identity (on events), memory (every 10 s) and network (may hang)."""

    def __init__(self, deadline_seconds=5.0, memory_period=10.0):
        self.hostname = "alpha"
        self.total_bytes = 1 << 30
        self.counts = {"identity": 0, "memory": 0, "network": 0}
        self.error = None
        self.release = threading.Event()
        self.release.set()
        self.collectors = {
            "identity": Collector(self._identity, None, ("etc/hostname",), deadline_seconds),
            "memory": Collector(self._memory, memory_period, ("proc/meminfo",), deadline_seconds),
            "network": Collector(self._network, None, (), deadline_seconds),
        }

    def source(self):
        return InProcess(Host(), self.collectors, self.describe)

    def describe(self, request, host, caller):
        if request.xml == "hang":
            self.release.wait(20)
        if request.xml.startswith("<!"):
            raise UnusableDefinition("domain XML: entities are not allowed")
        if request.name == "gone":
            raise UnknownDomain("no domain 'gone'")
        response = DescribeVmResponse()
        response.vm.name = request.name or request.name_or_uuid or "inline"
        return response

    def _identity(self, host):
        self.counts["identity"] += 1
        return Identity(hostname=self.hostname)

    def _memory(self, host):
        self.counts["memory"] += 1
        return Memory(total_bytes=self.total_bytes)

    def _network(self, host):
        self.counts["network"] += 1
        self.release.wait(20)
        if self.error:
            raise self.error
        host.warn("eth7: speed unknown")
        return Network()


@pytest.fixture
def make_fake():
    fakes = []

    def make(**settings):
        fakes.append(FakeHost(**settings))
        return fakes[-1]

    yield make
    for fake in fakes:
        fake.release.set()


@pytest.fixture
def fake(make_fake):
    return make_fake()


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serve a source over gRPC on a unix socket; return its address and the server."""
    yield from serving(AgentServer, tmp_path / "agent.sock", monkeypatch)


@pytest.fixture
def collect(tmp_path, monkeypatch):
    """Answer for a source on the collecting process's socket; return its address and the server."""
    yield from serving(SocketServer, tmp_path / "collect.sock", monkeypatch)


@pytest.fixture(params=["one process", "two processes"])
def start(request, collect, serve):
    """Serve a source by one process, or by two; return the address."""

    def start(source):
        if request.param == "one process":
            return serve(source)[0]
        return serve(CollectSocket(collect(source)[0]))[0]

    return start


def serving(make_server, path, monkeypatch):
    monkeypatch.setattr("vmfit_agent.server.STOP_SECONDS", 0.3)
    monkeypatch.setattr("vmfit_agent.collect_socket.server.STOP_SECONDS", 0.3)
    servers = []

    def start(source):
        calls = source if isinstance(source, CollectSocket) else HostMetadata(source)
        server = make_server(calls)
        address = server.start(Address(path=str(path)))
        servers.append(server)
        return address, server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def dial():
    """Return a plain channel, without the retries of vmfit's own clients."""
    channels = []

    def connect(address):
        channels.append(grpc.insecure_channel(address.target))
        return channels[-1]

    yield connect
    for channel in channels:
        channel.close()
