"""Free ports, and programs that serve disks for the moment of a test."""

import socket
import subprocess
import time

import pytest

from vmfit_agent.probes import network_rules


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def start():
    """Start a program and wait until its port answers; it is ended after the test."""
    running = []

    def run(command, port):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        running.append(process)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if process.poll() is not None:
                pytest.fail(f"{command[0]} ended: {process.stderr.read().decode()}")
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", port)) == 0:
                    return process
            time.sleep(0.05)
        pytest.fail(f"{command[0]} does not listen")

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def names(monkeypatch):
    """Let names resolve to addresses of the test's; every look is noted."""
    looks = []

    def use(**found):
        def look_up(name, port, flags=0):
            looks.append(name)
            if name not in found:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [
                (socket.AF_INET6 if ":" in each else socket.AF_INET, (each, port))
                for each in found[name].split()
            ]

        monkeypatch.setattr(network_rules, "look_up", look_up)
        return looks

    return use
