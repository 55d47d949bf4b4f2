"""What systemd hears of a service, and the sockets that it hands over."""

import os
import socket
import subprocess
import sys

import pytest

from vmfit_contract.service_manager import ServiceManager, listening_sockets


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(5)

    def hear(self):
        return self.socket.recv(4096).decode().split("\n")


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    path = f"{tmp_path}/notify"
    abstract = f"vmfit-{os.getpid()}"
    systemd = Systemd(path if request.param == "path" else f"\0{abstract}")
    systemd.name = path if request.param == "path" else f"@{abstract}"
    yield systemd
    systemd.socket.close()


def test_it_hears_each_state(systemd):
    manager = ServiceManager({"NOTIFY_SOCKET": systemd.name})
    manager.ready("answers\non a socket")
    assert systemd.hear() == ["READY=1", "STATUS=answers on a socket"]
    manager.status("busy")
    assert systemd.hear() == ["STATUS=busy"]
    manager.alive()
    assert systemd.hear() == ["WATCHDOG=1"]
    manager.reloading()
    reloading, when = systemd.hear()
    assert reloading == "RELOADING=1"
    assert int(when.removeprefix("MONOTONIC_USEC=")) > 0
    manager.stopping()
    assert systemd.hear() == ["STOPPING=1", "STATUS=stopping"]


def test_who_stops_is_not_ready_any_more(systemd):
    manager = ServiceManager({"NOTIFY_SOCKET": systemd.name})
    manager.stopping()
    manager.ready("late")
    manager.alive()
    assert systemd.hear()[0] == "STOPPING=1"
    assert systemd.hear() == ["WATCHDOG=1"]


def test_without_systemd_nothing_is_told():
    manager = ServiceManager({})
    manager.ready("answers")
    assert manager.watchdog_seconds is None


def test_a_manager_that_is_gone_costs_a_line(tmp_path, caplog):
    ServiceManager({"NOTIFY_SOCKET": f"{tmp_path}/gone"}).ready("answers")
    assert [record.getMessage() for record in caplog.records] == [
        "systemd cannot be told READY=1: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("pid", "interval", "seconds"),
    [
        (str(os.getpid()), "30000000", 30.0),
        (None, "1500000", 1.5),
        (str(os.getpid() + 1), "30000000", None),  # Said of another process.
        (None, "0", None),
        (None, "soon", None),
        (None, None, None),
    ],
)
def test_the_watchdogs_patience(pid, interval, seconds, tmp_path):
    environment = {"NOTIFY_SOCKET": f"{tmp_path}/x", "WATCHDOG_PID": pid, "WATCHDOG_USEC": interval}
    environment = {name: value for name, value in environment.items() if value is not None}
    assert ServiceManager(environment).watchdog_seconds == seconds


def test_programs_started_later_know_nothing_of_it(tmp_path):
    environment = {"NOTIFY_SOCKET": f"{tmp_path}/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}
    environment |= {"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "a", "KEPT": "1"}
    ServiceManager(environment)
    assert listening_sockets(environment) == []
    assert environment == {"KEPT": "1"}


PROGRAM = """
import os
from vmfit_contract.service_manager import listening_sockets
os.environ["LISTEN_PID"] = str(os.getpid())
taken = listening_sockets()
print(len(taken), taken[0].getsockname(), os.get_inheritable(taken[0].fileno()))
print(len(listening_sockets()))
"""


def test_sockets_are_taken_once(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/a.sock")
        listener.listen()

        def as_systemd_does():
            os.dup2(listener.fileno(), 3)

        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True,
            env={**os.environ, "LISTEN_FDS": "1"}, preexec_fn=as_systemd_does, close_fds=False,
        )  # fmt: skip
    assert done.stdout.splitlines() == [f"1 {tmp_path}/a.sock False", "0"]
