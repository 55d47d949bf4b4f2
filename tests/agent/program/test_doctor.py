import json
import logging
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vmfit.v1.host_pb2 import Clock
from vmfit_agent import cli
from vmfit_agent.collectors import Collector
from vmfit_agent.diagnosis import _running_agents, diagnose, remedies
from vmfit_agent.host import Host, LibvirtUnavailable


class Libvirt:
    def __init__(self, uris, read_only=False, error=None):
        self.uris, self.read_only, self.error = uris, read_only, error

    def connect(self, uri):
        if self.error:
            raise LibvirtUnavailable(f"{uri}: {self.error}")
        return self


@pytest.fixture
def root(tmp_path):
    (tmp_path / "run/udev/data").mkdir(parents=True)
    return tmp_path


def by_name(checks):
    return {check.name: check for check in checks}


def test_collectors_libvirt_and_devices(fake, root):
    libvirt = Libvirt(["qemu:///system"], error="Failed to connect socket to '/x': No such file")
    fake.error = PermissionError(13, "Permission denied", "/sys/x")
    checks = by_name(diagnose(Host(root, libvirt), fake.collectors))
    assert list(checks)[:4] == ["identity", "memory", "network", "qemu:///system"]
    assert checks["identity"].state == "ok"
    assert checks["identity"].seconds < 1
    assert checks["network"].state == "missing"
    assert checks["network"].is_essential
    assert "/sys/x" in checks["network"].reasons[0]
    assert checks["network"].remedies == ("run as root",)
    assert checks["qemu:///system"].state == "missing"
    assert "start libvirtd" in checks["qemu:///system"].remedies[0]
    assert checks["/run/udev/data"].state == "ok"
    assert checks["/dev/cpu/0/cpuid"].state == "missing"
    assert "modprobe cpuid" in checks["/dev/cpu/0/cpuid"].remedies[0]


def test_the_program_for_disk_probes(fake, root, monkeypatch):
    def programs(host):
        return [check for check in diagnose(host, fake.collectors) if check.area == "program"]

    # Of a live host alone: a recording is not asked.
    assert programs(Host(root)) == []
    monkeypatch.setattr("vmfit_agent.probes.qemu_img._DIRECTORIES", str(root))
    [check] = programs(Host())
    assert (check.name, check.state, check.is_essential) == ("qemu-img", "missing", False)
    assert "network disks" in check.reasons[0]
    assert "install qemu-img" in check.remedies[0]
    (root / "qemu-img").touch(mode=0o755)
    [check] = programs(Host())
    assert (check.name, check.state) == (str(root / "qemu-img"), "ok")


def test_warnings_are_partly(fake, root):
    checks = by_name(diagnose(Host(root), fake.collectors))
    assert checks["network"].state == "partly"
    assert checks["network"].reasons == ("eth7: speed unknown",)


def test_a_read_only_connection_is_said(fake, root):
    libvirt = Libvirt(["qemu:///system"], read_only=True)
    check = by_name(diagnose(Host(root, libvirt), fake.collectors))["qemu:///system"]
    assert check.state == "partly"
    assert "run as root" in check.remedies[0]


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("qemu:///system: the libvirt Python module is not installed (python3-libvirt)", "install"),
        ("/dev/cpu/0/msr: no such file (the module msr is not loaded)", "modprobe msr"),
        ("not collected within 5 s", "hung"),
        ("internal error: KeyError: 1", "bug"),
        ("something unheard of", None),
    ],
)
def test_remedies(reason, remedy):
    found = remedies((reason, reason))
    assert len(found) == (1 if remedy else 0)
    assert not remedy or remedy in found[0]


@pytest.fixture
def run(fake, monkeypatch, capsys):
    monkeypatch.setattr("vmfit_agent.commands.doctor.COLLECTORS", fake.collectors)

    def run(*arguments):
        status = cli.run(["doctor", "--libvirt-uri", "none", *arguments])
        return status, capsys.readouterr().out

    yield run
    logging.getLogger().handlers.clear()


def test_the_table_and_status(run, fake):
    status, out = run()
    assert status == 0
    lines = out.splitlines()
    assert len({line.index("ok") for line in lines if "  ok " in line}) == 1
    assert "eth7: speed unknown" in out
    fake.error = OSError("gone")
    status, out = run()
    assert status == 1
    assert out.endswith("Essential and missing: network\n")


def test_the_same_trouble_is_told_once(run, fake, monkeypatch):
    fake.error = OSError("gone")
    collectors = {"network": fake.collectors["network"], "numa": fake.collectors["network"]}
    monkeypatch.setattr("vmfit_agent.commands.doctor.COLLECTORS", collectors)
    _, out = run()
    assert out.count("gone") == 1
    assert "as for network" in out


def test_it_fits_the_terminal(run, fake, monkeypatch):
    fake.error = OSError("word " * 50 + "\x1b[2J")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    _, out = run()
    assert max(map(len, out.splitlines())) <= 60
    assert out.count("word") == 50
    assert "\x1b" not in out


def test_serving_needs_no_rich():
    code = (
        "import sys; import vmfit_agent.commands.serve, vmfit_agent.commands.collect;"
        "import vmfit_agent.commands.doctor; print('rich' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"


def test_json(run, fake):
    fake.error = OSError("gone")
    status, out = run("-o", "json")
    document = json.loads(out)
    assert status == 1
    assert document["ok"] is False
    [network] = [check for check in document["checks"] if check["name"] == "network"]
    assert network["reasons"] == ["gone"]
    assert network["is_essential"] is True


def test_running_agents_and_what_they_cost(tmp_path):
    program = Path(sys.executable).parent / "vmfit-agent"
    socket = tmp_path / "s"
    words = [program, "serve", "--listen", f"unix:{socket}", "--libvirt-uri", "none"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as agent:
        try:
            deadline = time.monotonic() + 20
            while not socket.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            found = {check.name: check for check in _running_agents()}
        finally:
            agent.terminate()
    check = found[f"vmfit-agent serve, pid {agent.pid}"]
    assert check.state == "ok"
    assert re.fullmatch(r"\d+ MiB \(PSS\), [\d.]+ % of a CPU over [\d.]+ h", check.reasons[0])


def test_a_clock_that_nobody_keeps(fake, root):
    def collect(host):
        return Clock(synchronised=False)

    collectors = {"clock": Collector(collect, None, (), 5.0)}
    check = by_name(diagnose(Host(root), collectors))["clock"]
    assert check.state == "partly"
    assert check.reasons[0].startswith("not synchronised: ")
    assert check.remedies == ("start chronyd or systemd-timesyncd",)


def test_a_virtual_environment_does_not_see_the_distributions_modules():
    code = (
        "import sys; from vmfit_contract import installation;"
        "sys.prefix, sys.base_prefix = '/venv', '/usr';"
        "installation.installed_as = lambda name: 'wheel';"
        "from vmfit_agent.diagnosis import remedies; print(remedies(('python3-libvirt',))[0])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("/venv/bin/pip install 'vmfit-agent[libvirt]'")
