"""Reads limits of control groups, version 1 and 2."""

import contextlib
import re
from collections.abc import Iterable, Iterator

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.detached_cgroup import detached_hierarchy
from vmfit_agent.kernel_files.host_files import exists, read_text, read_word

_ROOT = "sys/fs/cgroup"
# The hierarchy of version 2 names no controllers.
_UNIFIED = ""
# Version 1 writes "unlimited" as the highest multiple of the page size.
_UNLIMITED_BYTES = 1 << 62


def group_of_process(host: Host, pid: int, controller: str) -> str | None:
    """Return the path of the process's group in the controller's hierarchy, None if unknown.

    Source: /proc/PID/cgroup (cgroups(7)).
    """
    by_controller = _groups(host, pid)
    return by_controller.get(controller, by_controller.get(_UNIFIED))


def sees_groups(host: Host, pid: int, controller: str) -> bool:
    """Return whether the controller's hierarchy is mounted where the process sees it.

    Source: /proc/PID/mountinfo (proc(5)).
    """
    version_1 = controller in _groups(host, pid)
    pattern = rf" - cgroup \S+ \S*\b{controller}\b" if version_1 else " - cgroup2 "
    return re.search(pattern, read_text(host, f"proc/{pid}/mountinfo") or "") is not None


def _groups(host: Host, pid: int) -> dict[str, str]:
    groups = {}
    for line in (read_text(host, f"proc/{pid}/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def ancestors(path: str) -> Iterator[str]:
    """Yield the group and the groups above it: "/a/b", "/a", "/"."""
    names = [name for name in path.split("/") if name not in {"", ".", ".."}]
    for length in range(len(names), -1, -1):
        yield "/" + "/".join(names[:length])


@contextlib.contextmanager
def hierarchy(host: Host, controller: str, *paths: str) -> Iterator[str | None]:
    """Yield the directory below the host's root that stands for "/" above one of the groups.

    None when no mount in sight shows any of them, and the kernel does not either.
    """
    mounted = (f"{_ROOT}/{controller}", _ROOT, f"{_ROOT}/unified")
    base = next((base for base in mounted if _holds(host, base, paths)), None)
    if base is not None:
        yield base
        return
    with detached_hierarchy(host, controller) as base:
        yield base if base is not None and _holds(host, base, paths) else None


def _holds(host: Host, base: str, paths: Iterable[str]) -> bool:
    return any(exists(host, f"{base}{path.rstrip('/')}/cgroup.procs") for path in paths)


def read_limit(host: Host, place: str, names: tuple[str, ...]) -> int | None:
    """Return the limit in the first of the files that exists, None when there is no limit."""
    for name in names:
        word = read_word(host, f"{place}/{name}")
        if word is not None:
            limit = int(word) if word.isdigit() and len(word) < 20 else None
            return limit if limit is not None and limit < _UNLIMITED_BYTES else None
    return None
