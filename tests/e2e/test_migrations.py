"""Two real hosts, two agents, one comparator: what it says beside what `virsh migrate` does."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab import LOCAL, Host, Lab, boot_sector, weaker_qemu
from scenarios import SCENARIOS, Scenario

BIN = Path(sys.executable).parent
TOOLS = ("libvirtd", "qemu-system-x86_64", "bindfs", "nsenter", "unshare", "ip")


def _missing() -> str:
    if os.geteuid() != 0:
        return "needs root for namespaces"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(bool(_missing()), reason=_missing() or "-"),
]


def start_agent(host: Host, directory: Path) -> str:
    """Start an agent inside a host; return its address."""
    socket = directory / f"{host.name}.sock"
    command = [str(BIN / "vmfit-agent"), "serve", "--listen", f"unix:{socket}"]
    process = host.spawn(command, directory / f"{host.name}-agent.log")
    for _ in range(200):
        if socket.exists():
            return f"unix:{socket}"
        assert process.poll() is None, (directory / f"{host.name}-agent.log").read_text()
        time.sleep(0.05)
    raise AssertionError(f"{host.name}: the agent did not come up")


def ask(source: str, destination: str, options: tuple[str, ...]) -> tuple[int, dict]:
    """Ask the command, as a person would; return its exit status and its JSON."""
    hosts = ("--from", source, "--to", destination)
    done = subprocess.run(
        [BIN / "vmfit", "check", "guest", *hosts, "-o", "json", "--", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def prepare(lab: Lab, scenario: Scenario) -> None:
    """Make the difference between the hosts and start the guest on the source."""
    (lab.shared / "guest.img").write_bytes(boot_sector().ljust(1 << 20, b"\0"))
    if scenario.setup_source:
        lab.source.run(scenario.setup_source)
    if scenario.setup_destination:
        lab.destination.run(scenario.setup_destination)
    (lab.source.state / "local/guest.xml").write_text(scenario.domain)
    lab.source.run(f"virsh -q create {LOCAL}/guest.xml")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
def test_prediction_agrees_with_reality(scenario: Scenario, tmp_path: Path) -> None:
    boot = ""
    if scenario.weaker_destination:
        weaker_qemu(tmp_path / "qemu")
        boot = f"mount --bind {tmp_path}/qemu /usr/bin/qemu-system-x86_64"
    with Lab(tmp_path / "lab", destination=boot) as lab:
        prepare(lab, scenario)
        source, destination = (start_agent(host, tmp_path) for host in lab.hosts)
        status, answer = ask(source, destination, scenario.options)
        migrated = lab.migrate("guest", *scenario.options)
        findings = {each["fact"]: each for each in answer["findings"]}
        if scenario.acceptable:
            assert migrated.returncode == 0, migrated.stderr
            before = lab.counter(lab.destination, "guest")
            time.sleep(0.5)
            assert lab.counter(lab.destination, "guest") > before
            assert answer["verdict"]["answer"] == "ANSWER_YES", _worst(findings)
            assert status == 0
            assert answer["verdict"]["acceptable"] is True
        else:
            assert migrated.returncode != 0
            assert answer["verdict"]["answer"] == "ANSWER_NO"
            assert findings[scenario.fact]["answer"] == "ANSWER_NO", _worst(findings)
            assert findings[scenario.fact].get("remedies"), findings[scenario.fact]
            assert status == 1


def _worst(findings: dict) -> str:
    return "\n".join(
        f"{each['fact']}: {each['answer']}: {each['reason']}"
        for each in findings.values()
        if each["answer"] != "ANSWER_YES"
    )
