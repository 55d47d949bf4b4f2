"""Free ports, and programs that serve disks for the moment of a test."""

import socket
import subprocess
import time

import pytest


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
