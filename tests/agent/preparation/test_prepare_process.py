"""The process as it runs on a host: reached through serve over gRPC, killed, and started again."""

import os
import subprocess
import sys
import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.agent.preparation.ledgers import FIRST, SECOND, memory, write_host
from vmfit.v1.host_preparation_service_pb2 import ListLeasesRequest, ReserveRequest
from vmfit.v1.host_preparation_service_pb2_grpc import HostPreparationStub

AGENT = (sys.executable, "-c", "from vmfit_agent.cli import main; main()")


class Processes:
    """`prepare` and `serve`, of a recorded host."""

    def __init__(self, directory, root):
        self.directory, self.root = directory, root
        self.running = {}

    def start(self, name, socket, *arguments):
        """Start one, and wait until it answers."""
        log = self.directory / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*AGENT, name, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.running[name] = process
        deadline = time.monotonic() + 60
        while not os.path.exists(socket):  # noqa: PTH110
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def start_preparer(self):
        path = f"{self.directory}/prepare.sock"
        self.start("prepare", path, "--socket", path, "--root", str(self.root))

    def start_server(self, *options):
        path = f"{self.directory}/agent.sock"
        recorded = ("--root", str(self.root), "--libvirt-uri", "none")
        self.start("serve", path, "--listen", f"unix:{path}", *recorded, *options)
        return f"unix:{path}"

    def kill(self, name):
        self.running[name].kill()
        self.running[name].wait()

    def end(self):
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(30)


@pytest.fixture
def processes(tmp_path):
    made = Processes(tmp_path, write_host(tmp_path / "host"))
    yield made
    made.end()


def reservation(vm_uuid, mebibytes):
    duration = Duration(seconds=600)
    return ReserveRequest(vm_uuid=vm_uuid, reservations=[memory(mebibytes)], duration=duration)


def test_a_promise_outlives_kill_9(processes):
    processes.start_preparer()
    address = processes.start_server("--preparer", f"unix:{processes.directory}/prepare.sock")
    with grpc.insecure_channel(address) as channel:
        stub = HostPreparationStub(channel)
        lease = stub.Reserve(reservation(FIRST, 900), timeout=60).lease
        assert lease.owner in {"local", "plain text"}
        processes.kill("prepare")
        with pytest.raises(grpc.RpcError) as down:
            stub.ListLeases(ListLeasesRequest(), timeout=60)
        assert down.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "the preparing process" in down.value.details()
        (processes.directory / "prepare.sock").unlink()
        processes.start_preparer()
        assert list(stub.ListLeases(ListLeasesRequest(), timeout=60).leases) == [lease]
        with pytest.raises(grpc.RpcError) as refused:
            stub.Reserve(reservation(SECOND, 200), timeout=60)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "promised to other VMs" in refused.value.details()


def test_an_agent_that_prepares_nothing_says_so(processes):
    address = processes.start_server()
    with grpc.insecure_channel(address) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            HostPreparationStub(channel).Reserve(reservation(FIRST, 1), timeout=60)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "no preparer" in refused.value.details()
