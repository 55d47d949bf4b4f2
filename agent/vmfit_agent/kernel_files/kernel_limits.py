"""Reads limits of the kernel and of libvirt's daemon that a coming guest could meet."""

import re

from vmfit.v1.host_pb2 import KernelLimits
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.control_groups import (
    ancestors,
    group_of_process,
    hierarchy,
    read_limit,
)
from vmfit_agent.kernel_files.cpu_list import parse_cpu_list
from vmfit_agent.kernel_files.host_files import read_count, read_text
from vmfit_agent.kernel_files.processes import libvirt_daemon

_FILES = (
    ("fs/aio-max-nr", "aio_max_count"),
    ("fs/aio-nr", "aio_used_count"),
    ("kernel/pid_max", "pid_max"),
    ("kernel/threads-max", "threads_max_count"),
    ("vm/max_map_count", "max_map_count"),
    ("fs/file-max", "file_max_count"),
)
_LIMIT = re.compile(r"^Max (open files|locked memory) +\S+ +(\d+|unlimited)", re.MULTILINE)
_ALLOWED = re.compile(r"^Cpus_allowed_list:\s*(\S+)$", re.MULTILINE)
_CAPABILITIES = re.compile(r"^CapEff:\s*([0-9a-f]{1,16})$", re.MULTILINE)
_CAP_SYS_RESOURCE = 24


def read_limits(host: Host) -> KernelLimits:
    """Return the limits; those of libvirt's daemon are absent when none runs.

    Source: Documentation/admin-guide/sysctl; /proc/PID/limits and status (proc(5)).
    """
    limits = KernelLimits()
    for path, field in _FILES:
        number = read_count(host, f"proc/sys/{path}")
        if number is not None:
            setattr(limits, field, number)
    userfaultfd = read_count(host, "proc/sys/vm/unprivileged_userfaultfd")
    if userfaultfd is not None:
        limits.unprivileged_userfaultfd = bool(userfaultfd)
    used = (read_text(host, "proc/sys/fs/file-nr") or "").split()
    if used and used[0].isdigit():
        limits.file_used_count = int(used[0])
    pid = libvirt_daemon(host)
    if pid is not None:
        _add_daemon(host, limits, pid)
    return limits


def _add_daemon(host: Host, limits: KernelLimits, pid: int) -> None:
    hard = dict(_LIMIT.findall(read_text(host, f"proc/{pid}/limits") or ""))
    files = hard.get("open files", "")
    if files.isdigit():
        limits.nofile_hard_count = int(files)
    memory = hard.get("locked memory")
    if memory is not None:
        limits.memlock_unlimited = memory == "unlimited"
        if memory.isdigit():
            limits.memlock_hard_bytes = int(memory)
    status = read_text(host, f"proc/{pid}/status") or ""
    capabilities = _CAPABILITIES.search(status)
    if capabilities:
        limits.limits_raisable = bool(int(capabilities[1], 16) >> _CAP_SYS_RESOURCE & 1)
    allowed = _ALLOWED.search(status)
    if allowed:
        limits.allowed_cpu_ids.extend(parse_cpu_list(allowed[1]))
    pids = _pids_max(host, pid)
    if pids is not None:
        limits.pids_max_count = pids


def _pids_max(host: Host, pid: int) -> int | None:
    path = group_of_process(host, pid, "pids")
    if path is None:
        return None
    with hierarchy(host, "pids", path) as base:
        places = [f"{base}{above}".rstrip("/") for above in ancestors(path)] if base else []
        found = [read_limit(host, place, ("pids.max",)) for place in places]
    return min((limit for limit in found if limit is not None), default=None)
