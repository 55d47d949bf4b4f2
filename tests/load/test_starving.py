"""One caller that asks for all it can, and another that asks for little, on a running agent."""

import contextlib
import os
import threading
import time
from pathlib import Path

import grpc
import pytest

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest, GetSnapshotRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub

GREEDY = 8
LOADED_SECONDS = 5.0
GOOD_SECONDS = 5.0
GIVES_UP_SECONDS = 0.5
DISK = "<disk><source file='/srv/images/{0}'/><target dev='vd{0}'/></disk>"
SMALL = DescribeVmRequest(
    xml="<domain type='qemu'><name>web</name><memory unit='MiB'>64</memory>"
    "<os><type arch='x86_64'>hvm</type></os></domain>"
)


def with_paths(count):
    """Return a definition that names so many paths."""
    disks = "".join(DISK.format(number) for number in range(count))
    return DescribeVmRequest(
        xml=f"<domain type='qemu'><name>big</name><devices>{disks}</devices></domain>"
    )


def cpu_seconds(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def running(services):
    """The collecting and the serving process of an agent."""
    collect = services.collecting().start()
    agent = services.serving("--source", collect.address).start()
    with services.dial(agent.address, services.authority.comparator("first.example")) as channel:
        HostMetadataStub(channel).DescribeVm(SMALL, timeout=30)  # What it loads then it keeps.
    return collect, agent


@pytest.fixture
def greedy(services, running):
    """Have a caller with all rights call without pause, until it is told to stop."""
    stop = threading.Event()
    threads = []

    def ask(call):
        files = services.authority.comparator("greedy.example")

        def again_and_again():
            with services.dial(running[1].address, files) as channel:
                while not stop.is_set():
                    with contextlib.suppress(grpc.RpcError):
                        call(HostMetadataStub(channel))

        threads.extend(threading.Thread(target=again_and_again) for _ in range(GREEDY))
        for thread in threads:
            thread.start()

        def end():
            stop.set()
            for thread in threads:
                thread.join()

        return end

    yield ask
    stop.set()
    for thread in threads:
        thread.join()


def ask_politely(services, address, tally):
    """Ask for a while as another caller; return how long the slowest answer took."""
    slowest = 0.0
    ended = time.monotonic() + LOADED_SECONDS
    files = services.authority.comparator("polite.example")
    with services.dial(address, files) as channel:
        stub = HostMetadataStub(channel)
        while time.monotonic() < ended:
            for call, request in (
                (stub.DescribeVm, SMALL),
                (stub.GetSnapshot, GetSnapshotRequest(parts=["identity", "memory"])),
            ):
                began = time.monotonic()
                try:
                    call(request, timeout=GOOD_SECONDS)
                    tally.add()
                except grpc.RpcError as error:
                    tally.add(f"{error.code().name}: {error.details()}")
                slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.02)
    tally.note(f"the slowest after {slowest:.2f} s")


def test_descriptions_whose_callers_give_up(services, running, greedy, tally):
    collect, agent = running
    large = with_paths(1000)
    end = greedy(lambda stub: stub.DescribeVm(large, timeout=GIVES_UP_SECONDS))
    time.sleep(1)
    ask_politely(services, agent.address, tally)
    end()
    time.sleep(1)
    before = cpu_seconds(collect.process)
    time.sleep(2)
    spent = cpu_seconds(collect.process) - before
    tally.note(f"{spent:.2f} s of CPU in 2 s after the callers have gone")
    assert tally.losses == []
    assert spent < 1


def test_the_newest_again_and_again(services, running, greedy, tally):
    collect, agent = running
    end = greedy(lambda stub: stub.GetSnapshot(GetSnapshotRequest(max_age={}), timeout=10))
    time.sleep(1)
    before = cpu_seconds(collect.process)
    began = time.monotonic()
    ask_politely(services, agent.address, tally)
    share = (cpu_seconds(collect.process) - before) / (time.monotonic() - began)
    end()
    tally.note(f"{share * 100:.0f} % of a CPU for collecting")
    assert tally.losses == []
    assert share < 0.8
