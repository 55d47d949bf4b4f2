"""Predict for another lab (see other_lab.py): print what `vmfit check` answers, as JSON.

The lab tells by its environment where its hosts are (LAB_STATE, with HOST.pid), and what will be
migrated how (LAB_DOMAIN, LAB_FLAGS, LAB_ARGS, LAB_URI, LAB_DEST_XML, LAB_GUEST_XML).
"""

import json
import os
import sys
from pathlib import Path

from agents import ask, end_agent, start_agent
from lab import Host
from peers import look


def main() -> int:
    """Ask once."""
    state = Path(os.environ["LAB_STATE"])
    work = state.parent
    hosts = [_host(state, name) for name in ("alpha", "beta")]
    domain = os.environ["LAB_DOMAIN"]
    words = f"{os.environ['LAB_FLAGS']} {os.environ['LAB_ARGS']}".split()
    xml = None
    if domain:
        words += [domain, os.environ["LAB_URI"]]
    else:
        xml = _copy(hosts[0], os.environ["LAB_GUEST_XML"], work / "guest.xml")
    if os.environ["LAB_DEST_XML"]:
        changed = _copy(hosts[0], os.environ["LAB_DEST_XML"], work / "changed.xml")
        words += ["--xml", str(changed)]
    agents = []
    try:
        sockets = [work / f"{host.name}.sock" for host in hosts]
        for host, socket in zip(hosts, sockets, strict=True):
            agents.append(start_agent(host.enter(), socket, work / f"{host.name}.log"))
        answer = ask(sockets[0], sockets[1], words, xml)
    finally:
        for agent in agents:
            end_agent(agent)
        for socket in sockets:
            socket.unlink(missing_ok=True)
    if domain and "--peers" in sys.argv:
        answer["peers"] = look(hosts[0], hosts[1], domain, os.environ["LAB_FLAGS"].split())
    print(json.dumps(answer))
    return 0


def _host(state: Path, name: str) -> Host:
    pid = int((state / f"{name}.pid").read_text().split()[0])
    return Host(name, "", "", state / name, pid=pid)


def _copy(host: Host, path: str, copy: Path) -> Path:
    copy.write_text(host.run(f"cat {path}").stdout)
    return copy


if __name__ == "__main__":
    sys.exit(main())
