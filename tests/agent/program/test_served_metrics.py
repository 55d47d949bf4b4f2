"""`vmfit-agent serve --metrics` beside `collect`: what a scrape says of both, and what it costs."""

import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.agent.program.started_agent import AGENT
from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest

MAX_PSS_KIB = 65 * 1024


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Pair:
    """Both processes, the serving one with metrics."""

    def __init__(self, directory):
        self.page = f"http://127.0.0.1:{free_port()}/metrics"
        self.address = f"unix:{directory}/agent.sock"
        collect = f"{directory}/collect.sock"
        self.collect = self._start("collect", "--socket", collect, "--libvirt-uri", "none")
        self._await(lambda: Path(collect).exists())
        where = self.page.removeprefix("http://").removesuffix("/metrics")
        self.serve = self._start(
            "serve", "--source", f"unix:{collect}", "--listen", self.address, "--metrics", where
        )
        self._await(lambda: Path(self.address.removeprefix("unix:")).exists())

    def _start(self, *words):
        return subprocess.Popen([*AGENT, *words], stderr=subprocess.PIPE, text=True)

    def _await(self, condition):
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.05)

    def scrape(self):
        with urlopen(self.page, timeout=20) as response:
            lines = response.read().decode().splitlines()
        samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def pss_kib(self):
        pids = (self.collect.pid, self.serve.pid)
        rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
        return sum(int(re.search(r"(?m)^Pss: +(\d+) kB", each)[1]) for each in rollups)

    def end(self):
        errors = []
        for process in (self.serve, self.collect):
            process.terminate()
            errors.append(process.communicate(timeout=20)[1])
        return errors


@pytest.fixture
def pair(tmp_path):
    pair = Pair(tmp_path)
    yield pair
    assert not [each for each in pair.end() if "Traceback" in each]


def test_a_scrape_tells_of_both_processes(pair, dial):
    from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub  # noqa: PLC0415
    from vmfit_contract.address import parse_address  # noqa: PLC0415

    stub = HostMetadataStub(dial(parse_address(pair.address, 1)))
    stub.GetSnapshot(GetSnapshotRequest(), timeout=20)
    for _ in range(20):
        found = pair.scrape()
    # What reads files only is there on any Linux host.
    assert found['vmfit_agent_part_up{part="memory"}'] == 1
    assert found['vmfit_agent_part_age_seconds{part="memory"}'] < 60
    labels = 'grpc_code="OK",grpc_method="GetSnapshot",grpc_service="vmfit.v1.HostMetadata"'
    assert found[f"grpc_server_handled_total{{{labels}}}"] == 1
    assert found['vmfit_build_info{program="vmfit-agent",version="0.1.0"}'] == 1
    assert pair.pss_kib() < MAX_PSS_KIB
    pair.collect.send_signal(signal.SIGKILL)
    pair.collect.wait(10)
    found = pair.scrape()
    assert found["vmfit_agent_collector_up"] == 0
    assert not [name for name in found if name.startswith("vmfit_agent_part")]


def test_the_address_is_checked(tmp_path):
    for address, told in (("unix:/x", "must be host:port"), ("192.0.2.77:1", "cannot listen")):
        ended = subprocess.run(
            [*AGENT, "serve", "--source", f"unix:{tmp_path}/c", "--listen", f"unix:{tmp_path}/a",
             "--metrics", address], capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode in (1, 3)
        assert told in ended.stderr
        assert "Traceback" not in ended.stderr
