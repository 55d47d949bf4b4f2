"""The units: what systemd itself thinks of them, and that they name commands that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vmfit_agent import cli
from vmfit_agent.commands.options import DEFAULT_SOCKET

SYSTEMD = Path(__file__).parents[3] / "systemd"
UNITS = sorted(path.name for path in SYSTEMD.glob("*.service"))


def command_of(unit):
    return re.search(r"^ExecStart=(.*)$", (SYSTEMD / unit).read_text(), re.MULTILINE)[1].split()


def test_there_are_units():
    assert UNITS == [
        "vmfit-agent-collect.service",
        "vmfit-agent.service",
        "vmfit-comparator.service",
    ]


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_accepts_the_unit(unit, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    executable = command_of(unit)[0]
    stub = tmp_path / Path(executable).name
    stub.write_text("#!/bin/sh\n")
    stub.chmod(0o755)
    for each in UNITS:
        text = (SYSTEMD / each).read_text().replace(executable + " ", f"{stub} ")
        (tmp_path / each).write_text(re.sub(r"^ExecStart=/usr/bin/\S+", f"ExecStart={stub}", text,
                                            flags=re.MULTILINE))  # fmt: skip
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "vmfit" in line]
    assert (done.returncode, complaints) == (0, [])


def test_commands_and_options_exist():
    for unit in ("vmfit-agent-collect.service", "vmfit-agent.service"):
        executable, name, *options = command_of(unit)
        assert executable == "/usr/bin/vmfit-agent"
        command = cli.group.get_command(None, name)
        known = {option for parameter in command.params for option in parameter.opts}
        assert {option for option in options if option.startswith("--")} <= known
    assert command_of("vmfit-comparator.service") == ["/usr/bin/vmfit", "serve"]


def test_both_halves_meet_at_the_default_socket():
    assert command_of("vmfit-agent-collect.service")[-1] == DEFAULT_SOCKET
    assert command_of("vmfit-agent.service")[-1] == f"unix:{DEFAULT_SOCKET}"
    directory = str(Path(DEFAULT_SOCKET).parent)
    assert f"d {directory} 0750 root vmfit" in (SYSTEMD / "tmpfiles.d/vmfit.conf").read_text()
    assert "u vmfit " in (SYSTEMD / "sysusers.d/vmfit.conf").read_text()


@pytest.mark.parametrize(
    ("tool", "file"),
    [("systemd-sysusers", "sysusers.d/vmfit.conf"), ("systemd-tmpfiles", "tmpfiles.d/vmfit.conf")],
)
def test_the_other_files_parse(tool, file, tmp_path):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:::\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nvmfit:x:999:\n")
    options = ["--create"] if tool == "systemd-tmpfiles" else []
    done = subprocess.run(
        [tool, f"--root={tmp_path}", *options, str(SYSTEMD / file)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert "vmfit.conf:" not in done.stderr  # Complaints name file and line.


def test_the_collecting_process_sees_the_hosts_own_mounts():
    unit = (SYSTEMD / "vmfit-agent-collect.service").read_text()
    settings = {line.split("=")[0] for line in unit.splitlines() if "=" in line[:40]}
    assert not settings & {"ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices",
                           "ReadWritePaths", "ReadOnlyPaths", "PrivateMounts"}  # fmt: skip
