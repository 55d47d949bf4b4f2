"""The product in the lab: an agent in each host, and the command that a person would type."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc

from vmfit.v1.host_metadata_service_pb2 import GetSnapshotRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub

BIN = Path(sys.executable).parent


# Ports that scenarios take although they are none of libvirt, migrations and disks' servers.
_PROBED = ("--probe-port", "5302", "--probe-port", "49500")
_LIBVIRT_SECONDS = 60.0
# What is said of a libvirt that may answer after all.
_LATE = ("does not answer", "not collected within")


class AgentError(Exception):
    """An agent or the command did not do its part."""


def start_agent(enter: Sequence[str], socket: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start an agent where the command `enter` leads to; wait until libvirt has answered it."""
    program = str(BIN / "vmfit-agent")
    command = [*enter, program, "serve", "--listen", f"unix:{socket}", *_PROBED]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    for _ in range(600):
        if socket.exists():
            _await_libvirt(socket)
            return process
        if process.poll() is not None:
            break
        time.sleep(0.05)
    end_agent(process)
    raise AgentError(f"the agent did not come up: {log.read_text()[-1000:]}")


def _await_libvirt(socket: Path) -> None:
    """Wait until libvirt has answered the agent, or has said why it does not: not merely late."""
    request = GetSnapshotRequest(parts=["hypervisor"])
    until = time.monotonic() + _LIBVIRT_SECONDS
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        stub = HostMetadataStub(channel)
        while time.monotonic() < until:
            with contextlib.suppress(grpc.RpcError):
                snapshot = stub.GetSnapshot(request, timeout=_LIBVIRT_SECONDS).snapshot
                said = " ".join(each.error for each in snapshot.parts)
                if snapshot.HasField("hypervisor") or not any(each in said for each in _LATE):
                    return
            time.sleep(0.2)


def end_agent(process: subprocess.Popen[bytes]) -> None:
    """End an agent and the nsenter before it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=20)


def ask(
    source: Path,
    destination: Path,
    words: Sequence[str],
    xml: Path | None,
    policy: Path | None = None,
) -> dict[str, Any]:
    """Ask `vmfit check` for JSON, with `virsh migrate`'s words; a VM by its XML if it is given."""
    vm = ["--xml", str(xml)] if xml else []
    vm += ["--policy", str(policy)] if policy else []
    hosts = ["--from", f"unix:{source}", "--to", f"unix:{destination}"]
    done = subprocess.run(
        [str(BIN / "vmfit"), "check", *vm, *hosts, "-o", "json", "--", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise AgentError(f"exit status {done.returncode}: {done.stderr[-1000:]}") from None
    return answer
