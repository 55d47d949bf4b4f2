"""`vmfit serve` as a process of its own."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest

from vmfit.v1.comparator_service_pb2 import ListHostsRequest
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit_comparator import cli
from vmfit_comparator.server import ComparatorServer

PROGRAM = [sys.executable, "-c", "from vmfit_comparator.cli import main; main()"]


@pytest.fixture
def serving(tmp_path):
    command = [*PROGRAM, "serve", "--listen", f"unix:{tmp_path}/comparator.sock"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while "listening on" not in process.stderr.readline():
        assert process.poll() is None
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told(serving, number):
    serving.send_signal(number)
    assert serving.wait(10) == 0


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "tgkill"), reason="glibc has no tgkill")
def test_it_ends_whichever_thread_gets_the_signal(serving):
    time.sleep(0.5)
    threads = {int(path.name) for path in Path(f"/proc/{serving.pid}/task").iterdir()}
    other = min(threads - {serving.pid})
    assert ctypes.CDLL(None).tgkill(serving.pid, other, signal.SIGTERM) == 0
    assert serving.wait(10) == 0


@pytest.fixture
def watched(tmp_path):
    """A comparator with settings, and a systemd that listens to it."""
    settings = tmp_path / "comparator.toml"
    settings.write_text("")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(f"{tmp_path}/notify")
        notify.settimeout(20)
        process = subprocess.Popen(
            [*PROGRAM, "--config", settings, "serve", "--listen", f"unix:{tmp_path}/c.sock"],
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "NOTIFY_SOCKET": f"{tmp_path}/notify", "WATCHDOG_USEC": "800000",
                 "RUNTIME_DIRECTORY": str(tmp_path)},
        )  # fmt: skip

        def hear(what):
            lines = [""]
            while lines[0] != what:
                lines = notify.recv(4096).decode().split("\n")
            return lines

        def reload(text):
            settings.write_text(text)
            process.send_signal(signal.SIGHUP)
            hear("RELOADING=1")
            return hear("READY=1")

        hear("READY=1")
        yield SimpleNamespace(
            process=process,
            hear=hear,
            reload=reload,
            settings=settings,
            socket=f"{tmp_path}/c.sock",
        )
        process.kill()
        process.communicate()


HOST = "[hosts.{}]\naddress = 'unix:/nonexistent/{}.sock'\n"


def test_a_hangup_reads_hosts_and_policies_again(watched, tmp_path):
    with grpc.insecure_channel(f"unix:{watched.socket}") as channel:
        comparator = ComparatorStub(channel)

        def hosts():
            return [each.name for each in comparator.ListHosts(ListHostsRequest(), timeout=5).hosts]

        assert hosts() == []
        status = watched.reload(HOST.format("alpha", "alpha"))
        assert "1 hosts in the inventory" in status[1]
        assert hosts() == ["alpha"]
        # A wrong policy, a wrong host, a wrong setting: everything stays.
        for text in (
            f"policies = ['{tmp_path}/gone.yaml']\n" + HOST.format("beta", "beta"),
            "[hosts.beta]\naddress = 'two words'\n",
            "timeout = 'soon'\n" + HOST.format("beta", "beta"),
        ):
            watched.reload(text)
            assert hosts() == ["alpha"]
        watched.reload("store = 'sqlite:////nowhere'\n" + HOST.format("beta", "beta"))
        assert hosts() == ["beta"]
    watched.process.terminate()
    _, log = watched.process.communicate(timeout=15)
    assert watched.process.returncode == 0
    refused = [line for line in log.splitlines() if line.startswith("ERROR")]
    assert len(refused) == 3
    assert all("the configuration stays as it was: " in line for line in refused)
    assert "Traceback" not in log
    assert "store has changed, which takes a restart" in log


def test_calls_in_progress_outlive_a_hangup(watched, tmp_path):
    silent = tmp_path / "silent.sock"
    with (
        socket.socket(socket.AF_UNIX) as listener,
        grpc.insecure_channel(f"unix:{watched.socket}") as channel,
    ):
        listener.bind(str(silent))
        listener.listen()
        watched.reload(f"timeout = 2\n[hosts.slow]\naddress = 'unix:{silent}'\n")
        call = ComparatorStub(channel).ListHosts.future(ListHostsRequest(), timeout=10)
        time.sleep(0.3)
        watched.reload("")
        assert [each.name for each in call.result().hosts] == ["slow"]


def test_the_watchdog_hears_that_it_answers_itself(watched):
    watched.hear("WATCHDOG=1")
    watched.hear("WATCHDOG=1")
    watched.process.terminate()
    watched.hear("STOPPING=1")


def test_a_fault_that_may_pass_is_no_wrong_configuration(monkeypatch, tmp_path, capsys):
    def fail(_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(ComparatorServer, "start", fail)
    address = f"unix:{tmp_path}/s.sock"
    assert cli.run(["serve", "--listen", address]) == 1
    assert "vmfit: error: Too many open files\n" in capsys.readouterr().err
