"""`vmfit serve` as a process of its own."""

import ctypes
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from vmfit_comparator.cli import main; main()", "serve"]


@pytest.fixture
def serving(tmp_path):
    command = [*COMMAND, "--listen", f"unix:{tmp_path}/comparator.sock"]
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
