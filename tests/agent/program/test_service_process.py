"""`collect` and `serve` as processes: what systemd hears, SIGHUP, sockets, the end under load."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.load.rounds import ENDS
from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    GetSnapshotRequest,
    ProbeRequest,
    ProbeResponse,
)
from vmfit_agent.calls import CallFailed
from vmfit_agent.collect_socket.client import CollectSocket
from vmfit_contract.access import LOCAL
from vmfit_contract.address import Address
from vmfit_contract.self_check import answers_itself

AGENT = [sys.executable, "-X", "faulthandler", "-c", "from vmfit_agent.cli import main; main()"]
MEMORY = GetSnapshotRequest(parts=["memory"]).SerializeToString()


class Service:
    """A process of the agent, with a systemd that listens to it."""

    def __init__(self, directory):
        self.directory = directory
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(f"{directory}/notify")
        self.notify.settimeout(20)
        self.settings = directory / "agent.toml"
        self.settings.write_text("")

    def start(self, *arguments, inherit=None, **environment):
        arguments, passed = self._command(arguments), ()
        if inherit is not None:
            # execve of a shell keeps the pid, which LISTEN_PID must be. preexec_fn would do, too,
            # but may hang in a process of many threads.
            passed = (inherit.fileno(),)
            script = f'exec 3<&{inherit.fileno()}; LISTEN_PID=$$ exec "$@"'
            arguments = ["bash", "-c", script, "bash", *arguments]
            environment |= {"LISTEN_FDS": "1"}
        self.process = subprocess.Popen(
            arguments, stderr=subprocess.PIPE, text=True, pass_fds=passed,
            env={**os.environ, "NOTIFY_SOCKET": f"{self.directory}/notify", **environment},
        )  # fmt: skip
        return self

    def _command(self, arguments):
        return [*AGENT, "--config", str(self.settings), *arguments]

    def hear(self, what):
        """Wait for a message, and return its lines."""
        heard = []
        while not heard or heard[-1][0] != what:
            try:
                heard.append(self.notify.recv(4096).decode().split("\n"))
            except TimeoutError:
                status = self.process.poll()
                # Where its threads are is in its log.
                self.process.send_signal(signal.SIGABRT)
                pytest.fail(f"{heard}, status {status}:\n{self.process.communicate()[1]}")
        return heard[-1]

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)
        self.hear("RELOADING=1")
        return self.hear("READY=1")

    def end(self):
        self.process.terminate()
        _, log = self.process.communicate(timeout=15)
        return self.process.returncode, log


@pytest.fixture
def service(tmp_path):
    service = Service(tmp_path)
    yield service
    service.notify.close()
    if service.process.poll() is None:
        service.process.kill()
        service.process.communicate()


@pytest.fixture
def collecting(service, tmp_path):
    service.socket = f"{tmp_path}/collect.sock"
    service.calls = CollectSocket(Address(path=service.socket))
    service.start("collect", "--socket", service.socket, "--libvirt-uri", "none")
    service.readiness = service.hear("READY=1")
    return service


def test_collect_is_ready_when_it_has_collected(collecting):
    (status,) = (line for line in collecting.readiness if line.startswith("STATUS="))
    assert f"parts for {collecting.socket}; not collected: " in status
    assert "domains" in status  # There is no libvirt.
    assert "memory" not in status
    assert collecting.calls.answer("GetSnapshot", MEMORY, 5, LOCAL)
    assert collecting.end()[0] == 0
    collecting.hear("STOPPING=1")


def test_a_hangup_reads_the_settings_again(collecting):
    pid = collecting.process.pid
    probe = ProbeRequest()
    probe.probes.add().resolve_name.name = "localhost"
    assert collecting.calls.answer("Probe", probe.SerializeToString(), 5, LOCAL)
    collecting.settings.write_text("probes = false\nlibvirt_uris = ['test:///default']\n")
    collecting.hang_up()
    with pytest.raises(CallFailed, match="forbids probes"):
        collecting.calls.answer("Probe", probe.SerializeToString(), 5, LOCAL)
    collecting.settings.write_text("probes = 3\n")
    collecting.hang_up()
    with pytest.raises(CallFailed, match="forbids probes"):
        collecting.calls.answer("Probe", probe.SerializeToString(), 5, LOCAL)
    collecting.settings.write_text("probes = true\n")
    collecting.hang_up()
    assert collecting.calls.answer("Probe", probe.SerializeToString(), 5, LOCAL)
    assert collecting.process.pid == pid
    status, log = collecting.end()
    assert status == 0
    errors = [line for line in log.splitlines() if line.startswith("ERROR")]
    told = f"{collecting.settings}: probes: must be true or false"
    assert errors == [f"ERROR: the configuration stays as it was: {told}"]
    # The option outranks the file.
    assert "libvirt_uri" not in log


def test_a_hangup_changes_what_is_told_of_files(collecting, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(8192))
    xml = f"<domain><name>g</name><os><kernel>{image}</kernel></os></domain>"
    request = DescribeVmRequest(xml=xml).SerializeToString()
    probe = ProbeRequest()
    probe.probes.add().access_path.path = str(image)

    def told():
        answer = collecting.calls.answer("DescribeVm", request, 5, LOCAL)
        probed = collecting.calls.answer("Probe", probe.SerializeToString(), 5, LOCAL)
        kernel = DescribeVmResponse.FromString(answer).vm.kernel
        (access,) = ProbeResponse.FromString(probed).results
        return kernel.error or kernel.exists, "content_directories" in access.error

    assert told() == (True, False)
    collecting.settings.write_text('content_directories = ["/srv/elsewhere"]\n')
    collecting.hang_up()
    assert told() == (f"{image}: not below content_directories", True)
    collecting.settings.write_text('content_directories = ["/etc"]\n')
    collecting.hang_up()
    assert told() == (f"{image}: not below content_directories", True)
    collecting.settings.write_text(f'content_directories = ["/srv/elsewhere", "{tmp_path}"]\n')
    collecting.hang_up()
    assert told() == (True, False)
    assert "content_directories: '/etc' must not be below /etc" in collecting.end()[1]


def test_a_setting_that_takes_a_restart_is_said_to(collecting):
    collecting.settings.write_text("attributes_directory = '/elsewhere'\n")
    collecting.hang_up()
    assert "attributes_directory has changed, which takes a restart" in collecting.end()[1]


def test_the_watchdog_hears_of_progress(service, tmp_path):
    path = f"{tmp_path}/collect.sock"
    service.start("collect", "--socket", path, "--libvirt-uri", "none", WATCHDOG_USEC="400000")
    service.hear("WATCHDOG=1")
    service.hear("WATCHDOG=1")


def test_systemds_socket_stays_when_the_service_ends(service, tmp_path):
    path = tmp_path / "collect.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        calls = CollectSocket(Address(path=str(path)))
        for _ in range(2):
            service.start("collect", "--socket", "/nowhere/s", "--libvirt-uri", "none",
                          inherit=listener)  # fmt: skip
            service.hear("READY=1")
            assert calls.answer("GetSnapshot", MEMORY, 5, LOCAL)
            status, log = service.end()
            assert (status, f"collecting for unix:{path}" in log) == (0, True)
            assert path.is_socket()
        # Who connects meanwhile is answered by the next.
        answers = []
        client = threading.Thread(
            target=lambda: answers.append(calls.answer("GetSnapshot", MEMORY, 30, LOCAL))
        )
        client.start()
        time.sleep(0.3)
        service.start("collect", "--libvirt-uri", "none", inherit=listener)
        client.join(30)
        assert answers


def test_another_kind_of_socket_is_refused(service, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"{tmp_path}/datagrams")
        service.start("collect", "--libvirt-uri", "none", inherit=listener)
        _, log = service.process.communicate(timeout=15)
    assert service.process.returncode == 3
    assert "the .socket unit must have one ListenStream=" in log


def test_the_end_under_load_loses_no_call(service, tmp_path):
    """Calls that began before SIGTERM are answered; later ones are refused by an absent socket."""
    path = f"{tmp_path}/collect.sock"
    calls = CollectSocket(Address(path=path))
    answered, lost = 0, []
    for _ in range(ENDS):
        service.start("collect", "--socket", path, "--libvirt-uri", "none")
        service.hear("READY=1")
        stop = threading.Event()
        counts = []

        def ask(stop=stop, counts=counts):
            count = 0
            while not stop.is_set():
                try:
                    calls.answer("GetSnapshot", MEMORY, 5, LOCAL)
                    count += 1
                except CallFailed as failure:
                    if "No such file" not in failure.message:
                        lost.append(failure.message)
                    break
            counts.append(count)

        clients = [threading.Thread(target=ask) for _ in range(8)]
        for client in clients:
            client.start()
        time.sleep(0.3)
        status, log = service.end()
        stop.set()
        for client in clients:
            client.join()
        assert (status, "ERROR" in log) == (0, False), log
        answered += sum(counts)
    print(f"{answered} tries, {len(lost)} losses, {ENDS} ends with 0")  # noqa: T201
    assert (answered > 100, lost) == (True, [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_itself_reloads_and_ends(service, tmp_path, number):
    service.start(
        "serve", "--listen", f"unix:{tmp_path}/agent.sock", "--source", f"unix:{tmp_path}/c.sock",
        WATCHDOG_USEC="800000", RUNTIME_DIRECTORY=str(tmp_path),
    )  # fmt: skip
    assert f"STATUS=serving on unix:{tmp_path}/agent.sock" in service.hear("READY=1")
    service.hear("WATCHDOG=1")
    assert answers_itself(Address(path=f"{tmp_path}/self.sock"), 5)
    assert (tmp_path / "self.sock").stat().st_mode & 0o007 == 0
    service.settings.write_text("probes = false\n")
    service.hang_up()
    service.process.send_signal(number)
    service.hear("STOPPING=1")
    _, log = service.process.communicate(timeout=15)
    assert (service.process.returncode, "ERROR" in log) == (0, False)


def test_a_stopped_server_does_not_answer_itself(service, tmp_path):
    service.start(
        "serve", "--listen", f"unix:{tmp_path}/agent.sock", "--source", f"unix:{tmp_path}/c.sock",
        WATCHDOG_USEC="60000000", RUNTIME_DIRECTORY=str(tmp_path),
    )  # fmt: skip
    service.hear("READY=1")
    service.process.send_signal(signal.SIGSTOP)
    assert not answers_itself(Address(path=f"{tmp_path}/self.sock"), 0.5)
    service.process.send_signal(signal.SIGCONT)
    assert answers_itself(Address(path=f"{tmp_path}/self.sock"), 5)
