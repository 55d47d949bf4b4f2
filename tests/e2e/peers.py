"""What else would be asked before a migration, and what it says, measured beside vmfit.

Each answer is {"goes": True or False, or None when nothing was said, "says": TEXT}.
"""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab import Host, Lab
from node_check import node_check
from scenario import Scenario

Answer = dict[str, Any]

_NOVA = Path(os.environ.get("VMFIT_NOVA_PYTHON", "/nonexistent"))
"""A Python that has nova and libvirt's bindings."""
_NOVA_CHECKS = Path(__file__).parent / "nova_checks.py"
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
    if _NOVA.exists():
        answers["nova"] = _nova(source, destination, domain, options)
    return answers


def _compare(destination: Host, name: str, xml: str) -> Answer:
    """Compare the guest's live CPU, as virsh does on the destination."""
    cpu = re.search(r"<cpu\b.*?(?:</cpu>|/>)", xml, re.DOTALL)
    kind = re.search(r"<domain type='(\w+)'", xml)
    if not cpu or not kind:
        return {"goes": None, "says": "the definition has no CPU"}
    path = "/run/vmfit-compared-cpu.xml"
    command = _COMPARE[name].format(file=path, type=kind[1])
    done = destination.run(f"cat > {path} <<'END'\n{cpu[0]}\nEND\n{command}", check=False)
    said = " ".join((done.stdout + done.stderr).split())
    if "unable to connect" in said or "Failed to connect" in said:
        return {"goes": False, "says": "no connection"}
    return {"goes": done.returncode == 0, "says": said.replace(path, "the guest's CPU")}


def _nova(source: Host, destination: Host, domain: str, options: Sequence[str]) -> Answer:
    """Run nova's own checks, which enter both hosts themselves."""
    copies = any(each.startswith("--copy-storage") for each in options)
    hosts = [str(host.pid) for host in (source, destination)]
    done = subprocess.run(
        [_NOVA, _NOVA_CHECKS, *hosts, domain, "copy" if copies else "share"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return {"goes": None, "says": f"failed: {done.stderr.strip()[-300:]}"}
    says = "; ".join(told["reasons"]) or "nothing against it"
    return {"goes": not told["reasons"], "says": says, "cpu as for kvm": told["cpu_as_for_kvm"]}
