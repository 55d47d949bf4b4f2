"""What the QEMU of a VM that was to come has taken of its promised memory already."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from vmfit.v1.preparation_pb2 import Lease
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names, read_text
from vmfit_agent.kernel_files.meminfo import parse_meminfo

_UUID = re.compile(r"(?:^|\0)-uuid\0([0-9a-fA-F-]{36})(?:\0|$)")
_COMMAND_LINE_BYTES = 1 << 20


class Usage(NamedTuple):
    """A QEMU process and its memory."""

    pid: int
    ordinary_bytes: int
    """Resident, QEMU's own included."""
    huge_bytes: int


def find_guests(host: Host, vm_uuids: Collection[str]) -> dict[str, Usage]:
    """Return what the QEMU of each of these VMs uses; those that do not run are missing.

    Looks through all processes: a millisecond for a hundred.
    Source: `-uuid` of QEMU; /proc/PID/cmdline; VmRSS and HugetlbPages of /proc/PID/status.
    """
    found: dict[str, Usage] = {}
    if not vm_uuids:
        return found
    for name in list_names(host, "proc"):
        if not name.isdigit():
            continue
        vm_uuid = _guest_of(host, int(name))
        if vm_uuid in vm_uuids:
            found[vm_uuid] = _usage(host, int(name))
    return found


def look_again(host: Host, known: Mapping[str, Usage]) -> dict[str, Usage]:
    """Return what the same processes use now; those that have ended are missing."""
    return {
        vm_uuid: _usage(host, usage.pid)
        for vm_uuid, usage in known.items()
        if _guest_of(host, usage.pid) == vm_uuid
    }


def with_usage(lease: Lease, usage: Usage | None) -> Lease:
    """Return the lease with `used_bytes` set, and as arrived; the same when no QEMU runs.

    Which node the kernel took a guest's pages from is not looked at: its ordinary memory counts for
    the ordinary reservations in proportion. Huge pages are reserved in the kernel as soon as QEMU
    maps them, and are free for nobody then: QEMU that has one has all of its own.
    """
    if usage is None:
        return lease
    told = Lease()
    told.CopyFrom(lease)
    told.arrived = True
    ordinary = [each for each in told.reservations if not each.HasField("huge_page_bytes")]
    promised = sum(each.size_bytes for each in ordinary)
    for each in told.reservations:
        if each.HasField("huge_page_bytes"):
            each.used_bytes = each.size_bytes if usage.huge_bytes else 0
        else:
            taken = usage.ordinary_bytes * each.size_bytes // promised
            each.used_bytes = min(taken, each.size_bytes)
    return told


def _guest_of(host: Host, pid: int) -> str:
    """Return the UUID of the VM that a process runs; empty when it is no QEMU."""
    # Processes end while one looks: what cannot be read is no guest. No warning, either.
    text = read_text(host.for_one_run(), f"proc/{pid}/cmdline", limit=_COMMAND_LINE_BYTES)
    match = _UUID.search(text or "")
    return match[1].lower() if match else ""


def _usage(host: Host, pid: int) -> Usage:
    sizes = parse_meminfo(read_text(host.for_one_run(), f"proc/{pid}/status") or "")
    return Usage(pid, sizes.get("VmRSS", 0), sizes.get("HugetlbPages", 0))
