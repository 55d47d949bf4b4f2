"""What people at a terminal see while hosts do not answer."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit_comparator.commands.waiting import Waiting

VMFIT = Path(sys.executable).with_name("vmfit")


def seen_at_a_terminal(words, columns=80, **environment):
    """Return standard output, and all that was written to a terminal on standard error."""
    main, side = pty.openpty()
    os.set_blocking(main, False)
    variables = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), **environment}
    with subprocess.Popen(
        [VMFIT, *words], stdout=subprocess.PIPE, stderr=side, env=variables
    ) as process:
        os.close(side)
        seen = b""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            select.select([main], [], [], 0.1)
            try:
                seen += os.read(main, 65536)
            except BlockingIOError:
                continue
            except OSError:  # Nobody writes any more.
                break
        out, _ = process.communicate(timeout=20)
    os.close(main)
    return out.decode(), seen.decode()


@pytest.fixture
def hosts(tmp_path):
    """One host that answers, one that does so after two seconds."""
    with (
        FakeAgent(tmp_path / "a", source_snapshot(), [vm()]) as alpha,
        FakeAgent(tmp_path / "b", destination_snapshot()) as beta,
    ):
        beta.delay_seconds = 2.0
        settings = tmp_path / "c.toml"
        settings.write_text(
            f'[hosts.alpha]\naddress = "{alpha.address}"\n'
            f'[hosts.beta]\naddress = "{beta.address}"\n'
        )
        yield settings


def test_a_line_tells_who_is_waited_for_and_goes(files, hosts):
    out, seen = seen_at_a_terminal(["--config", hosts, "diff", "alpha", "beta"])
    assert out.startswith("alpha and beta differ in ")
    assert re.search(r"1 of 2 hosts answered, waiting for beta, \d s", seen)
    # The last that happens to the line is that it is cleared, and the cursor comes back.
    assert seen.rstrip("\r").endswith("\x1b[2K") or "\x1b[2K" in seen.rpartition("waiting")[2]
    assert seen.rindex("\x1b[?25h") > seen.rindex("waiting")


def test_a_dumb_terminal_and_a_file_get_no_line(files, hosts):
    words = ["--config", hosts, "diff", "alpha", "beta"]
    assert seen_at_a_terminal(words, TERM="dumb")[1] == ""
    done = subprocess.run([VMFIT, *words], capture_output=True, check=False, timeout=30)
    assert done.stderr == b""


def test_an_answer_that_is_there_at_once_shows_no_line(files):
    assert seen_at_a_terminal(["diff", "alpha.json", "beta.binpb"])[1] == ""


def test_verbose_says_when_each_host_answered(files, hosts):
    words = ["--config", str(hosts), "diff", "alpha", "beta", "-v"]
    done = subprocess.run([VMFIT, *words], capture_output=True, text=True, check=False, timeout=30)
    assert re.search(r"^vmfit: info: alpha: done after \d\.\d\d s$", done.stderr, re.MULTILINE)
    assert re.search(r"^vmfit: info: beta: done after [2-9]\.\d\d s$", done.stderr, re.MULTILINE)


def test_many_hosts():
    waiting = Waiting()
    assert waiting.line() == "waiting for an answer, 0 s"
    for number in range(20):
        waiting.asked(f"node{number:02}")
    for number in range(15):
        waiting.answered(f"node{number:02}")
    assert waiting.line() == (
        "15 of 20 hosts answered, waiting for node15, node16, node17 and 2 more, 0 s"
    )
    for number in range(15, 20):
        waiting.answered(f"node{number:02}")
    assert waiting.line() == "20 of 20 hosts answered, evaluating, 0 s"
    assert Waiting("comparator x").line() == "waiting for comparator x, 0 s"
