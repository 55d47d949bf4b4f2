import re
import time
from pathlib import Path

import pytest

from vmfit_agent.probes import bounded_program
from vmfit_agent.probes.bounded_program import run_program


def test_output_is_bounded():
    ended = run_program(["/usr/bin/head", "-c", "5000000", "/dev/zero"], None, 20.0)
    assert len(ended.output) == bounded_program.MAX_OUTPUT_BYTES
    assert ended.status == 0


def test_the_environment_is_clean(monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    words = run_program(["/usr/bin/env"], None, 5.0).output.decode()
    assert set(re.findall(r"^(\w+)=", words, re.MULTILINE)) == {"PATH", "LC_ALL", "HOME"}


def test_what_the_program_started_is_killed_too(tmp_path):
    note = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {note}; wait"
    with pytest.raises(TimeoutError):
        run_program(["/bin/sh", "-c", script], None, 0.3)
    state = Path(f"/proc/{note.read_text().strip()}/stat")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and state.exists() and ") Z" not in state.read_text():
        time.sleep(0.02)
    assert not state.exists() or ") Z" in state.read_text()
