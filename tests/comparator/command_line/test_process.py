"""The vmfit command as the real executable."""

import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.comparator.builders import source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from tests.comparator.tls_agents import TlsAgent
from tests.tls_material import TestAuthority

VMFIT = Path(sys.executable).with_name("vmfit")
NAME = vm().name


def vmfit(*arguments, **keywords):
    return subprocess.run(
        [VMFIT, *arguments], capture_output=True, text=True, check=False, timeout=60, **keywords
    )


def test_help_is_quick_and_has_examples():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = vmfit("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0
    assert "vmfit check web --from alpha --to beta -- --live --p2p" in result.stdout
    cpu_seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert cpu_seconds < 0.3
    for command in (
        "check",
        "diff",
        "baseline",
        "facts",
        "hosts",
        "outcome",
        "calibration",
        "serve",
        "doctor",
        "certs",
    ):
        assert command in result.stdout


def test_version_and_completion():
    assert vmfit("--version").stdout.startswith("vmfit, version ")
    script = vmfit(env={**os.environ, "_VMFIT_COMPLETE": "bash_source"})
    assert "_vmfit_completion" in script.stdout
    words = {"_VMFIT_COMPLETE": "bash_complete", "COMP_WORDS": "vmfit ba", "COMP_CWORD": "1"}
    assert vmfit(env={**os.environ, **words}).stdout == "plain,baseline\n"


def test_the_executable(files):
    result = vmfit("check", NAME, "--from", "alpha.json", "--to", "poor.json", cwd=files)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.startswith("NO, not acceptable")
    assert vmfit().returncode == 3


@pytest.mark.parametrize(
    "words",
    [
        ["facts", "--markdown"],
        ["facts", "-o", "json"],
        ["check", NAME, "--from", "alpha.json", "--to", "beta.binpb"],
        ["--help"],
    ],
)
def test_a_reader_that_goes_away(files, words):
    """The end is git's: by SIGPIPE, so that no answer is taken for a no."""
    script = f"{VMFIT} {shlex.join(words)} | true; echo ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60, cwd=files
    )
    assert (result.stdout, result.stderr) == ("141\n", "")


def test_a_reader_that_has_enough(files):
    script = f"{VMFIT} facts --markdown | head -1; echo ${{PIPESTATUS[0]}}"
    # Without buffers Python takes what a pipe took in part for all that was to be written.
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    result = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=variables,
    )
    assert (result.stdout, result.stderr) == ("# Facts\n141\n", "")


def test_a_full_disk(files):
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [VMFIT, "facts"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 2
    assert result.stderr == "vmfit: error: cannot write the answer: No space left on device\n"


def test_a_poor_locale(files):
    result = vmfit("facts", "--markdown", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_until_told_to_stop(tmp_path, number):
    address = f"unix:{tmp_path / 'socket'}"
    serving = subprocess.Popen(
        [VMFIT, "serve", "--listen", address], stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 20
        while vmfit("facts", "--server", address).returncode and time.monotonic() < deadline:
            time.sleep(0.1)
        assert vmfit("facts", "time.skew", "--server", address).returncode == 0
        serving.send_signal(number)
        _, log = serving.communicate(timeout=20)
    finally:
        serving.kill()
    assert serving.returncode == 0
    assert address in log
    assert "Traceback" not in log


# Whatever a shell runs in the background ignores interrupts, and so do its children.
DEFAULT_INTERRUPT = ("env", "--default-signal=INT")


def test_interrupt(files):
    with FakeAgent(files / "slow", source_snapshot(), [vm()]) as slow:
        slow.gate.clear()
        running = subprocess.Popen(
            [
                *DEFAULT_INTERRUPT,
                VMFIT,
                "check",
                NAME,
                "--from",
                slow.address,
                "--to",
                "beta.binpb",
            ],
            cwd=files,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not slow.requests and running.poll() is None:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        slow.gate.set()
        _, errors = running.communicate(timeout=20)
    assert running.returncode == -signal.SIGINT
    assert not errors


def test_gRPC_adds_no_lines_of_its_own(files, tmp_path):  # noqa: N802
    authority = TestAuthority(tmp_path / "ca")
    with TlsAgent(source_snapshot(), authority.agent("alpha.example")) as agent:
        result = vmfit("diff", agent.address, "alpha.json", *authority.client().options, cwd=files)
    assert result.returncode == 2
    assert result.stderr.startswith(f"vmfit: error: host {agent.address}: its certificate is for ")
    assert result.stderr.count("\n") == 1
