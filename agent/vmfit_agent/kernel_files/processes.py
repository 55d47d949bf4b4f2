"""Finds running daemons by name."""

import os
import re
from collections.abc import Collection

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names, read_text

LIBVIRT_DAEMONS = ("virtqemud", "libvirtd", "virtxend")
TIME_DAEMONS = (
    "chronyd", "ntpd", "ntpsec-ntpd", "systemd-timesyncd", "openntpd", "ptp4l", "phc2sys",
    "timemaster",
)  # fmt: skip
_NUMBERS = re.compile(r"^NSpid:(.*)$", re.MULTILINE)
_COMM_LENGTH = 15
"""The kernel cuts names to this."""


def find_processes(host: Host, names: Collection[str]) -> dict[str, int]:
    """Return the lowest process id of each name that runs, containers left aside.

    Source: /proc/*/comm, NSpid of /proc/*/status (Documentation/filesystems/proc.rst).
    """
    wanted = {name[:_COMM_LENGTH]: name for name in names}
    found: dict[str, int] = {}
    root = f"{host.root}/proc"
    for pid in sorted(int(entry) for entry in list_names(host, "proc") if entry.isdigit()):
        name = wanted.get(_comm(f"{root}/{pid}/comm"))
        if name is not None and name not in found and not _is_contained(host, pid):
            found[name] = pid
    return found


# A container's daemon serves the container: its process has a number of its own in there.
def _is_contained(host: Host, pid: int) -> bool:
    numbers = _NUMBERS.search(read_text(host, f"proc/{pid}/status") or "")
    return numbers is not None and len(numbers[1].split()) > 1


# Plain reads: this runs once per process of the host.
def _comm(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 64).decode(errors="replace").rstrip("\n")
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def is_daemon(comm: str) -> bool:
    """Tell whether a process of this name, as the kernel cuts it, may be one that is looked for."""
    return any(name[:_COMM_LENGTH] == comm for name in (*LIBVIRT_DAEMONS, *TIME_DAEMONS))


def libvirt_daemon(host: Host) -> int | None:
    """Return the process id of the daemon whose children are QEMU guests, None without one.

    The pid files come first: looking through all processes is dear on a busy host.
    """
    for daemon in LIBVIRT_DAEMONS:
        text = read_text(host, f"run/{daemon}.pid")
        pid = text.strip() if text else ""
        if pid.isdigit() and _comm(f"{host.root}/proc/{pid}/comm") == daemon:
            return int(pid)
    found = find_processes(host, LIBVIRT_DAEMONS)
    return next((found[daemon] for daemon in LIBVIRT_DAEMONS if daemon in found), None)
