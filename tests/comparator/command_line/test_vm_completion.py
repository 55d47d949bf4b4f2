"""VMs of the host that --from names, offered in live shells; a silent host offers nothing."""

import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.comparator.builders import source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit_comparator import cli

BIN = Path(sys.executable).parent
SETTINGS = """
[hosts.alpha]
address = "unix:{directory}/a"
[hosts.silent]
address = "unix:{directory}/s"
"""
# How each shell starts without anybody's settings, and reads the script.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(vmfit completion bash)"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -Uz compinit; compinit -D -u; source <(vmfit completion zsh)",
    ),
    "fish": (["fish", "--no-config", "-i"], "vmfit completion fish | source"),
}


@pytest.fixture
def site(files):
    """An inventory with a host that answers, and one that never does."""
    source = source_snapshot()
    source.domains.vms.append(vm())
    Path("c.toml").write_text(SETTINGS.format(directory=files))
    with FakeAgent(files / "a", source, [vm()]), socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(files / "s"))
        silent.listen()
        yield files


@pytest.fixture
def offered(site, monkeypatch, capsys):
    monkeypatch.setenv("VMFIT_CONFIG", "c.toml")

    def offered(line):
        monkeypatch.setenv("_VMFIT_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        assert cli.run([]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return [each.partition(",")[2] for each in captured.out.split()]

    return offered


def test_the_hosts_vms(offered):
    assert offered("vmfit check --from alpha gu") == ["gu", "guest"]
    assert offered("vmfit rank --from alpha gu") == ["gu", "guest"]
    assert offered("vmfit check --from alpha.json gu") == ["gu", "guest"]


@pytest.mark.parametrize("host", ["silent", "gone", "unix:/nowhere", "no.json", "::"])
def test_without_an_answer_there_is_nothing(offered, host):
    began = time.monotonic()
    assert offered(f"vmfit check --from {host} gu") == ["gu"]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("shell", SHELLS)
def test_live_shells(site, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command, script = SHELLS[shell]
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(site), "TERM": "dumb",
        "LC_ALL": "C.UTF-8", "VMFIT_CONFIG": str(site / "c.toml"), "PS1": "$ ",
    }  # fmt: skip
    # Files of the working directory would be offered as snapshots.
    empty = site / "empty"
    empty.mkdir()
    main, side = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],
        stdin=side, stdout=side, stderr=side, cwd=empty, env=environment,
    )  # fmt: skip
    os.close(side)
    try:
        # The shell does not read on before it has the script.
        say(main, f"{script}; echo re''ady\n", "ready")
        # What is completed is printed by the command that it is a word of.
        say(main, "vmfit check --from al\t", "alpha")
        say(main, "--to alpha gue\t", "guest")
    finally:
        process.kill()
        process.wait()
        os.close(main)


def say(terminal, text, expected):
    """Type a text and wait until the terminal shows what is expected behind it."""
    os.write(terminal, text.encode())
    seen, give_up_at = b"", time.monotonic() + 60
    while expected.encode() not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0, give_up_at - time.monotonic()))
        assert ready, seen
        seen += os.read(terminal, 4096)
