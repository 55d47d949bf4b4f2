"""The units: what systemd itself thinks of them, and that they name commands that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vmfit_agent import cli
from vmfit_agent.commands.options import DEFAULT_SOCKET
from vmfit_comparator import cli as comparator_cli

SYSTEMD = Path(__file__).parents[3] / "systemd"
SERVICES = sorted(path.name for path in SYSTEMD.glob("*.service"))
UNITS = sorted(path.name for path in SYSTEMD.glob("*.*") if path.is_file())
PROGRAMS = {"/usr/bin/vmfit-agent": cli.group, "/usr/bin/vmfit": comparator_cli.group}


def settings_of(unit):
    """Return a unit's settings, in order, each a pair."""
    lines = (SYSTEMD / unit).read_text().splitlines()
    return [tuple(line.split("=", 1)) for line in lines if re.match(r"[A-Za-z]+=", line)]


def setting(unit, name):
    (value,) = [value for key, value in settings_of(unit) if key == name]
    return value


def test_there_are_units():
    assert UNITS == [
        "vmfit-agent.service",
        "vmfit-collect.service",
        "vmfit-collect.socket",
        "vmfit-comparator.service",
        "vmfit-failed@.target",
        "vmfit-prepare.service",
        "vmfit-prepare.socket",
        "vmfit-probe.service",
        "vmfit-probe.socket",
    ]


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_accepts_the_unit(unit, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for program in PROGRAMS:
        stub = tmp_path / Path(program).name
        stub.write_text("#!/bin/sh\n")
        stub.chmod(0o755)
    for each in UNITS:
        text = (SYSTEMD / each).read_text().replace("=/usr/bin/", f"={tmp_path}/")
        (tmp_path / each).write_text(text)
    path = str(tmp_path / unit.replace("@", "@vmfit-probe"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "vmfit" in line]
    assert (done.returncode, complaints) == (0, [])


@pytest.mark.parametrize(
    ("unit", "most"),
    [
        ("vmfit-agent.service", 1.5),
        ("vmfit-collect.service", 3.0),
        ("vmfit-comparator.service", 1.5),
        ("vmfit-prepare.service", 1.5),
        ("vmfit-probe.service", 1.5),
    ],
)
def test_exposure(unit, most):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(SYSTEMD / unit)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    (exposure,) = re.findall(rf"exposure level for {re.escape(unit)}: ([0-9.]+)", done.stdout)
    assert float(exposure) <= most


@pytest.mark.parametrize("unit", SERVICES)
def test_commands_and_options_exist(unit):
    program, name, *options = setting(unit, "ExecStart").split()
    command = PROGRAMS[program].get_command(None, name)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known


@pytest.mark.parametrize("unit", SERVICES)
def test_every_service_has_the_manners_of_services(unit):
    found = dict(settings_of(unit))
    user = unit.removesuffix(".service")
    assert (found["User"], found["Group"]) == (user, user)
    package = "vmfit-comparator" if user == "vmfit-comparator" else "vmfit-agent"
    users = (SYSTEMD / f"sysusers.d/{package}.conf").read_text().splitlines()
    assert [line for line in users if line.startswith(f"u {user} ")]
    assert found["Type"] == "notify"
    assert found["RestartPreventExitStatus"] == "3"
    assert found["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert found["UMask"] == "0077"
    for directory in ("RuntimeDirectory", "StateDirectory"):
        assert directory not in found or found[f"{directory}Mode"] == "0700"
    # It is never given up: what is wrong with the configuration ends it with status 2.
    assert (found["Restart"], found["StartLimitIntervalSec"]) == ("on-failure", "0")
    for needed in ("WatchdogSec", "RestartSec", "MemoryMax", "MemoryHigh",
                   "TasksMax", "LimitNOFILE", "OOMScoreAdjust"):  # fmt: skip
        assert found[needed], needed


def test_where_the_processes_meet():
    assert setting("vmfit-collect.socket", "ListenStream") == DEFAULT_SOCKET
    assert f"--socket {DEFAULT_SOCKET} " in setting("vmfit-collect.service", "ExecStart") + " "
    assert setting("vmfit-agent.service", "ExecStart").endswith(f"--source unix:{DEFAULT_SOCKET}")
    probe = setting("vmfit-probe.socket", "ListenStream")
    assert f"--prober unix:{probe} " in setting("vmfit-collect.service", "ExecStart") + " "
    for socket, answers, asks in (
        ("vmfit-collect.socket", "vmfit-collect", "vmfit-agent"),
        ("vmfit-probe.socket", "vmfit-probe", "vmfit-collect"),
    ):
        assert setting(socket, "SocketMode") == "0660"
        assert setting(socket, "SocketUser") == answers
        assert setting(socket, "SocketGroup") == asks


def test_users_parse(tmp_path):
    if shutil.which("systemd-sysusers") is None:
        pytest.skip("systemd-sysusers is not installed")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0:::\n")
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    files = sorted((SYSTEMD / "sysusers.d").iterdir())
    assert [each.name for each in files] == ["vmfit-agent.conf", "vmfit-comparator.conf"]
    done = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", *map(str, files)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert ".conf:" not in done.stderr  # Complaints name file and line.
    groups = dict(line.split(":x:") for line in (tmp_path / "etc/group").read_text().splitlines())
    for each in ("libvirt", "kvm"):
        assert groups[each].endswith(":vmfit-collect")


def test_collect_has_no_network_and_guests_keep_their_paths():
    found = dict(settings_of("vmfit-collect.service"))
    assert found["RestrictAddressFamilies"] == "AF_UNIX AF_NETLINK"
    # What is read-only, or hidden, to it only would be told of the host's guests.
    assert found["ProtectSystem"] == "full"
    assert not found.keys() & {"ProtectHome", "PrivateTmp", "PrivateDevices", "ReadWritePaths",
                               "ReadOnlyPaths", "InaccessiblePaths", "PrivateNetwork"}  # fmt: skip
