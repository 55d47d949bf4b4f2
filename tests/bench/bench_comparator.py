"""What an answer costs: python tests/bench/bench_comparator.py [--rounds N].

Two agents replay recorded hosts, then two hosts of the largest kind; times are of this machine.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.bench_agent import (  # noqa: E402
    AGENT,
    ENVIRONMENT,
    Row,
    command_cpu,
    print_rows,
    run_nanoseconds,
)
from tests.bench.big_host import big_host  # noqa: E402
from tests.load.services import Services, check  # noqa: E402
from vmfit.v1.comparator_service_pb2 import CheckRequest, RankRequest  # noqa: E402
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub  # noqa: E402
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
COMPARATOR = [sys.executable, "-c", "from vmfit_comparator.cli import main; main()"]
START_SECONDS = 30.0
CALLERS = 4
RANKED = 50


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    few = max(rounds // 4, 1)
    print_rows(
        [
            *recorded_hosts(rounds),
            *service(rounds),
            *mutual_tls(few),
            *big_hosts(few),
            *command(),
        ]
    )


def recorded_hosts(rounds: int) -> Iterator[Row]:
    """All facts for one pair, and a check over two agents."""
    hosts = [_recorded(name) for name in RECORDED]
    with _agents(hosts) as addresses, Engine() as engine:
        request = _request("web", addresses)
        count = f"all {len(BUILT_IN)} facts for one pair"
        yield f"{count}, CPU, p50", _facts_milliseconds(engine, request, rounds), 2, "ms"
        latency = _latency(lambda: engine.check(request), rounds)
        yield "check over two agents, p50", latency, 10, "ms"


def service(rounds: int) -> Iterator[Row]:
    """Checks and rankings by a comparator that serves."""
    hosts = [_recorded(name) for name in RECORDED]
    with (
        _agents(hosts) as addresses,
        _comparator() as (address, pid),
        connect(parse_address(address, 0)) as channel,
    ):
        stub = ComparatorStub(channel)
        check = _request("web", addresses)
        latency = _latency(lambda: stub.Check(check), rounds)
        yield "Check of a serving comparator, p50", latency, 15, "ms"
        began, before = time.perf_counter(), run_nanoseconds(pid)
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(lambda _: stub.Check(check), range(rounds)))
        yield f"{CALLERS} callers: checks", rounds / (time.perf_counter() - began), None, "/s"
        yield "the comparator's CPU", (run_nanoseconds(pid) - before) / rounds / 1e6, 6, "ms"
        # One agent stands for all destinations: to the comparator each is one more host.
        rank = RankRequest(source=check.source, vm=check.vm)
        rank.destinations.extend([check.destination] * RANKED)
        few, before = max(rounds // 20, 1), run_nanoseconds(pid)
        yield (
            f"Rank of {RANKED} destinations, p50",
            _latency(lambda: stub.Rank(rank), few),
            500,
            "ms",
        )
        spent = (run_nanoseconds(pid) - before) / few / RANKED / 1e6
        yield "the comparator's CPU for each of them", spent, 5, "ms"


def mutual_tls(rounds: int) -> Iterator[Row]:
    """The first check of a connection to a comparator that asks its agents over TLS, too."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        services = Services(Path(directory))
        stack.callback(services.close)
        agents = (services.replaying(name).address for name in RECORDED)
        comparator = services.comparing(dict(zip(("source", "destination"), agents, strict=True)))
        address = comparator.start().address

        def first_check() -> None:
            with services.dial(address) as channel:
                ComparatorStub(channel).Check(check())

        latency = _latency(first_check, rounds)
        yield "first Check of a connection, mutual TLS, p50", latency, 100, "ms"
        with services.dial(address) as channel:
            stub = ComparatorStub(channel)
            latency = _latency(lambda: stub.Check(check()), rounds)
            yield "further Checks over mutual TLS, p50", latency, 15, "ms"


def command() -> Iterator[Row]:
    """CPU time of the command from its start to its end."""
    with _agents([_recorded(name) for name in RECORDED]) as addresses:
        check = ["check", "web", "--from", addresses[0], "--to", addresses[1]]
        for arguments, target in ((["--help"], 100), (check, 400)):
            spent = [command_cpu([*COMPARATOR, *arguments]) * 1000 for _ in range(6)]
            yield f"vmfit {arguments[0]}, CPU with the start", median(spent[1:]), target, "ms"


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
def _comparator() -> Iterator[tuple[str, int]]:
    """Yield the address and the process id of a comparator that serves."""
    with tempfile.TemporaryDirectory() as directory:
        socket = Path(directory, "comparator.sock")
        with _process([*COMPARATOR, "serve", "--listen", f"unix:{socket}"]) as pid:
            _await(socket)
            yield f"unix:{socket}", pid


@contextmanager
def _process(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
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
