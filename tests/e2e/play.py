"""Play one scenario: bring up both hosts, ask, migrate for real, and see what came of it."""

import re
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents import AgentError, ask, end_agent, start_agent
from guest import Health, disk_image, examine, wait_until_alive
from lab import Host, Lab
from lesser_kvm import compiler_trouble, kvm_trouble, lesser_kvm
from lesser_qemu import lesser_qemu
from measure import completed_job
from scenario import DOMAIN, Scenario

_XML = "/srv/local/guest.xml"
_CHANGED = "/srv/local/changed.xml"
_EVENTS = ["virsh", "-q", "qemu-monitor-event", "--loop"]


@dataclass
class Played:
    """What vmfit said of a scenario, and what happened."""

    id: str
    differs: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    """The command's JSON; empty with `error` set when it gave none."""
    error: str = ""
    outcome: str = ""
    stage: str = ""
    """How far it came: source, before QEMU, QEMU, connecting, copying, end, done."""
    text: str = ""
    """libvirt's own words, or what is wrong with the guest."""
    effects: list[str] = field(default_factory=list)
    seconds: float = 0
    migration_seconds: float = 0
    measured: dict[str, float] = field(default_factory=dict)
    """What libvirt's statistics tell of the migration, where that was wanted and it ended."""
    peers: dict[str, Any] = field(default_factory=dict)


Look = Callable[[Lab, Scenario], dict[str, Any]]
"""Something else to find out before the migration."""


def missing(scenario: Scenario) -> str:
    """Tell what the machine lacks for a scenario; empty when it can be played."""
    if scenario.kvm and (trouble := kvm_trouble()):
        return trouble
    return compiler_trouble() if scenario.kvm_lacks else ""


def play(
    scenario: Scenario, directory: Path, look: Look | None = None, *, measure: bool = False
) -> Played:
    """Play a scenario in a fresh lab; `directory` is made and holds sockets: a short path."""
    began = time.monotonic()
    directory.mkdir(parents=True)
    played = Played(scenario.id, scenario.differs)
    source = _kvm("source", scenario, directory)
    destination = _destination(scenario, directory)
    with Lab(directory / "lab", source=source, **destination) as lab:
        _prepare(lab, scenario)
        started = _start_guest(lab, scenario)
        if look and not started:
            played.peers = look(lab, scenario)
        words = _words(lab, scenario)
        _predict(lab, words, played, directory, described=bool(started))
        if started:
            played.outcome, played.stage, played.text = "refused", "source", started
        else:
            _migrate(lab, scenario, words, played)
            if measure and played.stage == "done":
                played.measured = completed_job(lab.destination, scenario.arriving_name)
    played.seconds = round(time.monotonic() - began, 1)
    return played


def _destination(scenario: Scenario, directory: Path) -> dict[str, Any]:
    boot = scenario.commands(scenario.boot, "destination")
    if scenario.qemu:
        lesser_qemu(directory / "qemu", scenario.qemu)
        boot.insert(0, f"mount --bind {directory}/qemu /usr/bin/qemu-system-x86_64")
    return {
        **_kvm("destination", scenario, directory),
        "before_libvirt": "\n".join(["set -e", *boot]),
        "libvirt": scenario.libvirt,
        "limits": scenario.limits,
        **scenario.host,
    }


def _kvm(role: str, scenario: Scenario, directory: Path) -> dict[str, Any]:
    lacks = scenario.kvm_lacks.get(role)
    return {
        "kvm": role in scenario.kvm,
        "preload": lesser_kvm(directory / f"{role}.so", lacks) if lacks else None,
    }


def _prepare(lab: Lab, scenario: Scenario) -> None:
    (lab.shared / "guest.img").write_bytes(disk_image(busy_mib=scenario.guest.get("busy_mib", 0)))
    (lab.shared / "other.img").write_bytes(disk_image(mark="OTHER"))
    for role, host in zip(("source", "destination"), lab.hosts, strict=True):
        stages = [scenario.setup] if role == "destination" else [scenario.boot, scenario.setup]
        for command in [each for stage in stages for each in scenario.commands(stage, role)]:
            host.run(f"set -e\n{command}")


def _start_guest(lab: Lab, scenario: Scenario) -> str:
    """Start the guest and what runs beside it; return libvirt's words if it does not start."""
    (lab.source.state / "local/guest.xml").write_text(scenario.domain_xml())
    paused = " --paused" if scenario.paused else ""
    start = f"virsh -q create {_XML}{paused}"
    if scenario.persistent:
        start = f"virsh -q define {_XML} && virsh -q start {DOMAIN}{paused}"
    done = lab.source.run(start, check=False)
    if done.returncode:
        return _plain(done.stderr)
    if not scenario.paused and not wait_until_alive(lab.source, DOMAIN, boots=scenario.boots):
        raise AgentError(f"{scenario.id}: the guest does not come up on the source")
    for role, host in zip(("source", "destination"), lab.hosts, strict=True):
        for command in scenario.commands(scenario.started, role):
            host.run(f"set -e\n{command}")
    return ""


def _words(lab: Lab, scenario: Scenario) -> list[str]:
    """Return what follows `virsh migrate`."""
    uri = scenario.uri or f"qemu+tcp://{lab.destination.name}/system"
    change = []
    if scenario.change:
        expression = shlex.quote(scenario.change)
        show = f"virsh dumpxml --migratable {DOMAIN}"
        lab.source.run(f"{show} | sed -E {expression} > {_CHANGED}")
        change = ["--xml", _CHANGED]
    return [*scenario.options, DOMAIN, uri, *change]


def _predict(
    lab: Lab, words: list[str], played: Played, directory: Path, *, described: bool
) -> None:
    local = lab.source.state / "local"
    outside = [str(local / "changed.xml") if each == _CHANGED else each for each in words]
    agents = []
    try:
        sockets = [directory / f"{host.name}.sock" for host in lab.hosts]
        for host, socket in zip(lab.hosts, sockets, strict=True):
            agents.append(start_agent(host.enter(), socket, directory / f"{host.name}.log"))
        xml = local / "guest.xml" if described else None
        played.answer = ask(sockets[0], sockets[1], outside, xml)
    except (AgentError, subprocess.TimeoutExpired) as error:
        played.error = str(error)
    finally:
        for agent in agents:
            end_agent(agent)


def _migrate(lab: Lab, scenario: Scenario, words: list[str], played: Played) -> None:
    before = examine(lab.source, DOMAIN)
    logs = [lab.directory / f"{host.name}.events" for host in lab.hosts]
    for host, log in zip(lab.hosts, logs, strict=True):
        host.spawn(_EVENTS, log)
    time.sleep(0.3)
    began = time.monotonic()
    command = shlex.join(["timeout", str(scenario.seconds), "virsh", "migrate", *words])
    done = lab.source.run(command, check=False, timeout=scenario.seconds + 20)
    played.migration_seconds = round(time.monotonic() - began, 2)
    if done.returncode:
        time.sleep(0.3)
        played.stage = _stage(lab, scenario.arriving_name, *(log.read_text() for log in logs))
        late = played.stage in ("connecting", "copying", "end")
        played.outcome = "failed midway" if late else "refused"
        played.text = _plain(done.stderr) or f"no end within {scenario.seconds:.0f} s"
        return
    played.stage = "done"
    name = scenario.arriving_name
    if scenario.arrives_paused:
        lab.destination.run(f"virsh -q resume {name}")
    if scenario.paused:
        wait_until_alive(lab.destination, name, boots=scenario.boots)
    after = examine(lab.destination, name)
    played.text = _trouble(scenario, before, after)
    played.outcome = "guest broken" if played.text else "migrated"
    played.effects = _effects(lab.destination, name, before, after)


def _trouble(scenario: Scenario, before: Health, after: Health) -> str:
    if "--offline" in scenario.options:
        return "" if after.state.startswith("shut off") else f"it is {after.state}"
    if not scenario.boots:
        return "" if after.state.startswith("running") else f"it is {after.state}"
    trouble = after.trouble()
    if trouble or before.pulse is None or after.pulse is None:
        return trouble
    return "it started anew" if after.pulse.counter < before.pulse.counter else ""


def _effects(host: Host, name: str, before: Health, after: Health) -> list[str]:
    """Tell what is otherwise for the guest, though it lives."""
    effects = []
    if before.pulse and after.pulse and before.pulse.counter and before.pulse.mark:
        lost = [old & ~new for old, new in zip(before.pulse.cpuid, after.pulse.cpuid, strict=True)]
        if any(lost):
            effects.append(f"its CPU lost bits {' '.join(f'{each:08x}' for each in lost)}")
    blocks = host.run(f"virsh -q domblklist {name}", check=False).stdout
    empty = re.findall(r"^\s*(\S+)\s+-$", blocks, re.MULTILINE)
    if empty:
        effects.append(f"drives that are empty: {' '.join(empty)}")
    return effects


def _stage(lab: Lab, name: str, source: str, destination: str) -> str:
    """Tell how far a failed migration came, from QEMU's own events and logs."""
    log = lab.destination.run(f"cat /var/log/libvirt/qemu/{name}.log", check=False)
    if re.search(r'"status":"(completed|pre-switchover|device)"', source):
        return "end"
    if '"status":"active"' in source or "BLOCK_JOB" in source:
        return "copying"
    if "MIGRATION" in destination:
        return "connecting"
    return "QEMU" if "starting up" in log.stdout else "before QEMU"


def _plain(words: str) -> str:
    return "; ".join(line.removeprefix("error: ") for line in words.strip().splitlines())
