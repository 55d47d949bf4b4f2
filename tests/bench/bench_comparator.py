"""What an answer costs: python tests/bench/bench_comparator.py [--rounds N].

Two agents replay recorded hosts, then two hosts of the largest kind; times are of this machine.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.bench_agent import AGENT, ENVIRONMENT, Row, print_rows  # noqa: E402
from tests.bench.big_host import big_host  # noqa: E402
from vmfit.v1.comparator_service_pb2 import CheckRequest  # noqa: E402
from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest  # noqa: E402
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub  # noqa: E402
from vmfit.v1.snapshot_pb2 import Snapshot  # noqa: E402
from vmfit_agent.local_host import HostOptions, local_source  # noqa: E402
from vmfit_comparator import Engine, comparison  # noqa: E402
from vmfit_comparator.facts import BUILT_IN  # noqa: E402
from vmfit_contract.address import parse_address  # noqa: E402
from vmfit_contract.channel import connect  # noqa: E402
from vmfit_contract.snapshot_file import write_snapshot  # noqa: E402

RECORDED = ("epyc-four-nodes", "skylake-memory-only-node")
START_SECONDS = 30.0


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    print_rows([*recorded_hosts(rounds), *big_hosts(max(rounds // 4, 1))])


def recorded_hosts(rounds: int) -> Iterator[Row]:
    """All facts for one pair, and a check over two agents."""
    hosts = [_recorded(name) for name in RECORDED]
    with _agents(hosts) as addresses, Engine() as engine:
        request = _request("web", addresses)
        count = f"all {len(BUILT_IN)} facts for one pair"
        yield f"{count}, CPU, p50", _facts_milliseconds(engine, request, rounds), 3, "ms"
        latency = _latency(lambda: engine.check(request), rounds)
        yield "check over two agents, p50", latency, 10, "ms"


def big_hosts(rounds: int) -> Iterator[Row]:
    """The same with 500 domains, 2,000 disks, 512 CPUs and 8 nodes on each host."""
    with _agents([big_host("first"), big_host("second")]) as addresses, Engine() as engine:
        with connect(parse_address(addresses[0], 0)) as channel:
            stub = HostMetadataStub(channel)
            whole = stub.GetSnapshot(GetSnapshotRequest())
            known = {part.name: part.digest for part in whole.snapshot.parts if part.digest}
            again = stub.GetSnapshot(GetSnapshotRequest(known_digests=known))
        yield "big host: the snapshot", whole.ByteSize() / 1e6, 64, "MB"
        share = again.ByteSize() / whole.ByteSize() * 100
        yield "big host: what is sent when nothing changed", share, 1, "%"
        request = _request("first-250", addresses)
        latency = _latency(lambda: engine.check(request), rounds)
        yield "big host: check over two agents, p50", latency, 50, "ms"


def _recorded(name: str) -> Snapshot:
    directory = ROOT / "tests/hosts" / name
    host = HostOptions(directory, (), Path("/etc/vmfit/attributes.d")).open()
    return local_source(host).snapshot((), 0.0, {})


@contextmanager
def _agents(snapshots: Sequence[Snapshot]) -> Iterator[list[str]]:
    """Yield the addresses of agents that replay the snapshots."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        addresses = []
        for number, snapshot in enumerate(snapshots):
            file, socket = Path(directory, f"{number}.bin"), Path(directory, f"{number}.sock")
            write_snapshot(snapshot, file, "binary")
            arguments = ["serve", "--replay", str(file), "--listen", f"unix:{socket}"]
            stack.enter_context(_process([*AGENT, *arguments]))
            _await(socket)
            addresses.append(f"unix:{socket}")
        yield addresses


@contextmanager
def _process(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _await(socket: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not socket.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{socket}: no agent listens")
        time.sleep(0.05)


def _request(vm: str, addresses: Sequence[str]) -> CheckRequest:
    request = CheckRequest()
    request.source.address, request.destination.address = addresses
    request.vm.name_or_uuid = vm
    return request


def _facts_milliseconds(engine: Engine, request: CheckRequest, rounds: int) -> float:
    """Return the CPU time of the evaluation alone, within real checks."""
    spent: list[float] = []
    evaluate = comparison.evaluate

    def timed(*arguments: object) -> object:
        began = time.thread_time()
        findings = evaluate(*arguments)  # type: ignore[arg-type]
        spent.append((time.thread_time() - began) * 1000)
        return findings

    comparison.evaluate = timed  # type: ignore[assignment]
    try:
        for _ in range(rounds):
            engine.check(request)
    finally:
        comparison.evaluate = evaluate
    return median(spent)


def _latency(call: Callable[[], object], rounds: int) -> float:
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        spent.append((time.perf_counter() - began) * 1000)
    return median(spent)


if __name__ == "__main__":
    main()
