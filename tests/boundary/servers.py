"""Servers to attack: the agent's with a fake host, the comparator's, and one that obeys."""

import threading
import time
from functools import partial

from vmfit.v1.host_metadata_service_pb2 import DescribeVmResponse
from vmfit.v1.host_pb2 import Identity
from vmfit.v1.rpcs import COMPARATOR, COMPARATOR_RPCS
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host
from vmfit_agent.server import AgentServer
from vmfit_agent.service import HostMetadata
from vmfit_agent.sources.in_process import InProcess
from vmfit_comparator.engine import Engine
from vmfit_comparator.server import ComparatorServer
from vmfit_contract.address import Address
from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.identity import AGENT_ROLES, COMPARATOR_ROLES, RoleRules
from vmfit_contract.serving.server import GrpcServer
from vmfit_contract.serving.service import Limits, Share

LOOPBACK = Address("127.0.0.1", 0)
LIMITS = Limits(
    request_bytes=1 << 20,
    default_seconds=5.0,
    longest_seconds=10.0,
    calls=Share(64, 32),
    bytes_held=Share(4 << 20, 2 << 20),
    working=Share(4, 3),
    costly=Share(2, 1),
    watches=Share(0, 0),
    streams=Share(8, 4),
)


def fake_agent(tls=None, roles=None, address=LOOPBACK):
    """Return the address, what stops the server, and the server."""
    collectors = {"identity": Collector(lambda _: Identity(hostname="alpha"), None, (), 5.0)}
    source = InProcess(Host(), collectors, lambda *_: DescribeVmResponse())
    server = AgentServer(HostMetadata(source), RoleRules(AGENT_ROLES, roles or {}))
    return server.start(address, tls, insecure=tls is None), server.stop, server


def comparator(tls=None, roles=None, address=LOOPBACK):
    """Return the same of a comparator."""
    engine = Engine()
    rules = RoleRules(COMPARATOR_ROLES, roles or {})
    server = ComparatorServer(engine, [address], tls=tls, insecure=tls is None, rules=rules)
    server.start()

    def stop():
        server.stop(0)
        engine.close()

    return server.addresses[0], stop, server


class Trial:
    """A service that does what a request says, or sends it back."""

    rpcs = COMPARATOR_RPCS

    def __init__(self):
        self.release = threading.Event()
        self.running = 0
        self.most = 0
        self.gone = []
        self.calls = []
        self._lock = threading.Lock()

    def answer(self, method, request, seconds, caller):
        self.calls.append((method, seconds, caller))
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            return self._answer(request, caller)
        finally:
            with self._lock:
                self.running -= 1

    def _answer(self, request, caller):
        said, _, rest = request.partition(b" ")
        match said:
            case b"hang":
                while not (self.release.is_set() or caller.is_gone()):
                    time.sleep(0.01)
                self.gone.append(caller.is_gone())
            case b"stuck":
                self.release.wait(20)
            case b"size":
                return bytes(int(rest))
            case b"raise":
                raise ValueError("said\nso")
            case b"files":
                raise OSError(24, "Too many open files", "/some/file")
            case b"fail":
                raise CallFailed(Status.NOT_FOUND, "no such thing", "some.field")
        return request


def _stop(server):
    server.stop(0.2)()


def trial_server(service, tls=None, roles=None, address=LOOPBACK, limits=LIMITS):
    """Return the address, what stops the server, and the server."""
    rules = RoleRules(COMPARATOR_ROLES, roles or {})
    server = GrpcServer(COMPARATOR, service, limits, rules)
    (bound,) = server.start([address], tls, insecure=tls is None)
    server.report(serving=True)
    return bound, partial(_stop, server), server
