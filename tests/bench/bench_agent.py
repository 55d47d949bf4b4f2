"""What the agent costs: python tests/bench/bench_agent.py [--libvirt-uri URI] [--idle SECONDS].

CPU times are of this machine; the ratio to facter and the shares of a CPU travel better. Without a
URI libvirt's rows are of a libvirtd that is started for them, which needs root and libvirtd.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
from lab import LabError, lone_host

AGENT = [sys.executable, "-c", "from vmfit_agent.cli import main; main()"]
ONE_SHOT_ROUNDS = 12
LIBVIRT_PARTS = ("hypervisor", "libvirt_objects", "domains")
# Without compiled modules every start would pay for the compiler, as no installed agent does.
ENVIRONMENT = {key: os.environ[key] for key in os.environ if key != "PYTHONDONTWRITEBYTECODE"}

DOMAIN = (
    "<domain type='qemu'><name>web</name><memory unit='MiB'>64</memory>"
    "<os><type arch='x86_64'>hvm</type></os></domain>"
)

Row = tuple[str, float | None, float | None, str]


def main() -> None:
    """Measure everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--libvirt-uri", metavar="URI")
    parser.add_argument("--idle", type=float, default=30.0, metavar="SECONDS")
    options = parser.parse_args()
    with _a_libvirt(options.libvirt_uri) as uri:
        print_rows([*fresh_collections(uri), *one_shot(uri), *running_agent(uri, options.idle)])


@contextmanager
def _a_libvirt(uri: str | None) -> Iterator[str | None]:
    """Yield the URI of a libvirt that answers; None when there is none."""
    if uri is not None or os.geteuid() or not shutil.which("libvirtd"):
        yield uri
        return
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        try:
            host = stack.enter_context(lone_host(Path(directory)))
        except LabError as error:
            print(f"no libvirtd for libvirt's rows: {error}", file=sys.stderr)
            yield None
        else:
            socket = f"/proc/{host.pid}/root/run/libvirt/libvirt-sock"
            yield f"qemu+unix:///system?socket={socket}"


def print_rows(rows: Iterable[Row]) -> None:
    """Print measured values beside their targets."""
    print(f"{'':44} {'measured':>10} {'target':>10}")
    for name, value, target, unit in rows:
        shown = "-" if value is None else f"{value:.2f}"
        limit = "" if target is None else f"{target:g}"
        verdict = "" if value is None or target is None or value <= target else "  over"
        print(f"{name:44} {shown:>10} {limit:>10} {unit}{verdict}")


def fresh_collections(uri: str | None) -> Iterator[Row]:
    """CPU time of collecting again in a process that runs for a while."""
    from vmfit_agent.local_host import HostOptions, local_source  # noqa: PLC0415
    from vmfit_contract.parts import PART_NAMES  # noqa: PLC0415

    host = HostOptions(Path("/"), (uri or "none",), Path("/etc/vmfit/attributes.d")).open()
    source = local_source(host)
    files = [name for name in PART_NAMES if name not in LIBVIRT_PARTS]
    source.collect(PART_NAMES, 0.0)
    yield "fresh collection, parts from files", _cpu(lambda: source.collect(files, 0.0)), 30, "ms"
    libvirt = _cpu(lambda: source.collect(LIBVIRT_PARTS, 0.0)) if uri else None
    yield "fresh collection, libvirt's parts", libvirt, 60, "ms"


def _cpu(call: Callable[[], object], rounds: int = 15) -> float:
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        spent.append((time.process_time() - began) * 1000)
    return median(spent)


def one_shot(uri: str | None) -> Iterator[Row]:
    """CPU time of `snapshot`, without and with libvirt, and of facter, in turns."""
    commands = {"one-shot snapshot, no libvirt": [*AGENT, "snapshot", "--libvirt-uri", "none"]}
    if uri:
        commands["one-shot snapshot, libvirt"] = [*AGENT, "snapshot", "--libvirt-uri", uri]
    if shutil.which("facter"):
        commands["facter --json"] = ["facter", "--json"]
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ONE_SHOT_ROUNDS):
        for name, command in commands.items():
            spent[name].append(command_cpu(command))
    # The first run of each compiles modules and fills the page cache.
    milliseconds = {name: median(each[1:]) * 1000 for name, each in spent.items()}
    for name, value in milliseconds.items():
        yield name, value, None, "ms"
    facter = milliseconds.pop("facter --json", None)
    for name, value in milliseconds.items():
        yield f"{name} / facter", value / facter if facter else None, 0.5, ""


def command_cpu(command: list[str]) -> float:
    """Return the CPU time of a command, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, env=ENVIRONMENT, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def running_agent(uri: str | None, idle_seconds: float) -> Iterator[Row]:
    """Latency, memory and idle CPU of the two processes."""
    import grpc  # noqa: PLC0415

    from vmfit.v1.host_metadata_service_pb2 import (  # noqa: PLC0415
        DescribeVmRequest,
        GetSnapshotRequest,
    )
    from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as directory, _two_processes(directory, uri) as pids:
        with grpc.insecure_channel(f"unix:{directory}/serve.sock") as channel:
            stub = HostMetadataStub(channel)
            _await(lambda: stub.GetSnapshot(GetSnapshotRequest()))
            latencies = []
            for _ in range(500):
                began = time.perf_counter()
                stub.GetSnapshot(GetSnapshotRequest())
                latencies.append((time.perf_counter() - began) * 1000)
            for _ in range(5):
                stub.GetSnapshot(GetSnapshotRequest(max_age={}))
                stub.DescribeVm(DescribeVmRequest(xml=DOMAIN))
        yield "cached GetSnapshot, p50, two processes", median(latencies), 2, "ms"
        time.sleep(5)
        before = [run_nanoseconds(pid) for pid in pids]
        time.sleep(idle_seconds)
        spent = [run_nanoseconds(pid) - start for pid, start in zip(pids, before, strict=True)]
        for name, nanoseconds in zip(("collect", "serve"), spent, strict=True):
            yield f"idle CPU, {name}", nanoseconds / idle_seconds / 1e7, 0.1, "%"
        yield "PSS of both processes", sum(map(_proportional_bytes, pids)) / 1e6, 65, "MB"


@contextmanager
def _two_processes(directory: str, uri: str | None) -> Iterator[list[int]]:
    collect = ["collect", "--socket", f"{directory}/collect.sock", "--libvirt-uri", uri or "none"]
    serve = ["serve", "--listen", f"unix:{directory}/serve.sock"]
    serve += ["--source", f"unix:{directory}/collect.sock"]
    processes = [
        subprocess.Popen([*AGENT, *arguments], env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        for arguments in (collect, serve)
    ]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def _await(call: Callable[[], object], seconds: float = 20.0) -> None:
    import grpc  # noqa: PLC0415

    end = time.monotonic() + seconds
    while True:
        try:
            call()
        except grpc.RpcError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


def run_nanoseconds(pid: int) -> int:
    """Return the CPU time that a process has had so far."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks)


def _proportional_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/{pid}/smaps_rollup: no Pss line")


if __name__ == "__main__":
    main()
