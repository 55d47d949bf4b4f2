"""What else would be asked before a migration, and what it says, measured beside vmfit.

Each answer is {"goes": True or False, or None when nothing was said, "says": TEXT}.
"""

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import Host, Lab
from node_check import node_check
from scenario import Scenario

Answer = dict[str, Any]

NOVA_PYTHON = os.environ.get("VMFIT_NOVA_PYTHON", "")
"""A Python that has nova and libvirt's bindings; without it nova is not asked."""
_NOVA_SOCKET = "VMFIT_NOVA_SOCKET"
_NOVA_CHECKS = Path(__file__).parent / "nova_checks.py"
# The status of timeout(1).
_TIMED_OUT = 124
_COMPARE = {
    "cpu-compare": "virsh cpu-compare {file} --error",
    "hypervisor-cpu-compare": "virsh hypervisor-cpu-compare {file} --virttype {type} --error",
}


def look_at(lab: Lab, scenario: Scenario) -> dict[str, Answer]:
    """Ask all of them about the lab's guest."""
    return look(lab.source, lab.destination, "guest", scenario.options)


def look(source: Host, destination: Host, domain: str, options: Sequence[str]) -> dict[str, Answer]:
    """Ask all of them about a running domain; options are those of `virsh migrate`."""
    xml = source.run(f"virsh dumpxml --migratable {domain}").stdout
    answers = {name: _compare(destination, name, xml) for name in _COMPARE}
    answers["node check"] = node_check(source, destination, xml, options)
    if _NOVA_SOCKET in os.environ:
        answers["nova"] = _nova(source, destination, domain, options)
    return answers


def _compare(destination: Host, name: str, xml: str) -> Answer:
    """Compare the guest's live CPU, as virsh does on the destination."""
    cpu = re.search(r"<cpu\b[^>]*/>|<cpu\b.*?</cpu>", xml, re.DOTALL)
    kind = re.search(r"<domain type='(\w+)'", xml)
    if not cpu or not kind:
        return {"goes": None, "says": "the definition has no CPU"}
    path = "/run/vmfit-compared-cpu.xml"
    command = f"timeout 20 {_COMPARE[name].format(file=path, type=kind[1])}"
    done = destination.run(f"cat > {path} <<'END'\n{cpu[0]}\nEND\n{command}", check=False)
    if done.returncode == _TIMED_OUT:
        return {"goes": None, "says": "no answer"}
    said = " ".join((done.stdout + done.stderr).split())
    if "unable to connect" in said or "Failed to connect" in said:
        return {"goes": False, "says": "no connection"}
    return {"goes": done.returncode == 0, "says": said.replace(path, "the guest's CPU")}


@contextmanager
def nova(path: Path) -> Iterator[None]:
    """Have nova's checks ready, at a socket of that path, for as long as this lasts."""
    if not NOVA_PYTHON:
        yield
        return
    process = subprocess.Popen(
        [NOVA_PYTHON, _NOVA_CHECKS, path],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not path.exists() and process.poll() is None:
            time.sleep(0.1)
        os.environ[_NOVA_SOCKET] = str(path)
        yield
    finally:
        process.kill()
        process.wait()


def _nova(source: Host, destination: Host, domain: str, options: Sequence[str]) -> Answer:
    """Run nova's own checks, which enter both hosts themselves."""
    question = {
        "domain": domain,
        "block_migration": any(each.startswith("--copy-storage") for each in options),
        "pids": {"source": source.pid, "destination": destination.pid},
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(100)
        try:
            connection.connect(os.environ[_NOVA_SOCKET])
            connection.sendall(json.dumps(question).encode() + b"\n")
            with connection.makefile() as stream:
                told = json.loads(stream.read())
        except (OSError, ValueError) as error:
            return {"goes": None, "says": f"failed: {error}"}
    if "failed" in told:
        return {"goes": None, "says": f"failed: {told['failed']}"}
    says = "; ".join(told["reasons"]) or "nothing against it"
    return {"goes": not told["reasons"], "says": says, "cpu as for kvm": told["cpu_as_for_kvm"]}
