"""Finds the control group that bounds the memory of libvirt's guests."""

import re

from vmfit.v1.host_pb2 import CgroupMemory
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.control_groups import (
    ancestors,
    group_of_process,
    hierarchy,
    read_limit,
    sees_groups,
)
from vmfit_agent.kernel_files.host_files import exists, read_count, read_text
from vmfit_agent.kernel_files.processes import libvirt_daemon

_LIMITS = ("memory.max", "memory.limit_in_bytes")
_STATISTIC = re.compile(r"^(\w+) (\d{1,18})$", re.MULTILINE)
_USAGES = ("memory.current", "memory.usage_in_bytes")


def read_guest_cgroup(host: Host) -> CgroupMemory | None:
    """Return the group with the smallest limit of those that a new guest would be in.

    When no mount in sight shows the group, it is returned without numbers, its limit not known.
    None when no limit is set, or when it is not known where guests start.
    Source: libvirt's cgroups.html; Documentation/admin-guide/cgroup-v2.rst.
    """
    place = _start(host)
    if place is None:
        return None
    start, existing = place
    with hierarchy(host, "memory", start, existing) as base:
        if base is not None:
            return _tightest(host, base, start)
    host.warn(f"/sys/fs/cgroup: the control group of guests, {start}, cannot be seen")
    return CgroupMemory(path=start, limit_known=False)


def _tightest(host: Host, base: str, start: str) -> CgroupMemory | None:
    found: CgroupMemory | None = None
    for path in ancestors(start):
        place = f"{base}{path}".rstrip("/")
        limit = read_limit(host, place, _LIMITS)
        if limit is None or (found is not None and limit >= found.limit_bytes):
            continue
        usages = (read_count(host, f"{place}/{name}") for name in _USAGES)
        found = CgroupMemory(
            path=path,
            limit_bytes=limit,
            usage_bytes=next((usage for usage in usages if usage is not None), None),
            reclaimable_bytes=_reclaimable_bytes(read_text(host, f"{place}/memory.stat") or ""),
            limit_known=True,
        )
    return found


def _reclaimable_bytes(text: str) -> int | None:
    sizes = {name: int(size) for name, size in _STATISTIC.findall(text)}
    # Version 1 counts the groups below in names of their own.
    prefix = "total_" if "total_cache" in sizes else ""
    cache = sizes.get("total_cache" if prefix else "file")
    if cache is None:
        return None
    kept = ("shmem", "dirty", "writeback") if prefix else ("shmem", "file_dirty", "file_writeback")
    return max(cache - sum(sizes.get(prefix + name, 0) for name in kept), 0)


def _start(host: Host) -> tuple[str, str] | None:
    """Return the group that guests start in, which may not be there yet, and one that is there."""
    # With systemd guests are scopes below machine.slice, whatever limits libvirtd's service has.
    if exists(host, "run/systemd/system"):
        return "/machine.slice", "/"
    pid = libvirt_daemon(host)
    own = group_of_process(host, pid, "memory") if pid is not None else None
    if pid is None or own is None:
        return None
    # Without systemd libvirt makes its own partition; where it sees no control groups, guests
    # stay in its own.
    return ("/machine", "/") if sees_groups(host, pid, "memory") else (own, own)
