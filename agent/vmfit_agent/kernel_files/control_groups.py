"""Reads limits of control groups, version 1 and 2."""

from collections.abc import Iterator

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import exists, read_text, read_word

_ROOT = "sys/fs/cgroup"
# Version 1 writes "unlimited" as the highest multiple of the page size.
_UNLIMITED_BYTES = 1 << 62


def group_of_process(host: Host, pid: int, controller: str) -> str | None:
    """Return the path of the process's group in the controller's hierarchy, None if unknown.

    Source: /proc/PID/cgroup (cgroups(7)).
    """
    unified = None
    for line in (read_text(host, f"proc/{pid}/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            return path
        if not controllers:
            unified = path
    return unified


def ancestors(path: str) -> Iterator[str]:
    """Yield the group and the groups above it: "/a/b", "/a", "/"."""
    names = [name for name in path.split("/") if name not in {"", ".", ".."}]
    for length in range(len(names), -1, -1):
        yield "/" + "/".join(names[:length])


def directory(host: Host, controller: str, path: str) -> str | None:
    """Return where the group lies below the host's root, None when it is not there."""
    for base in (f"{_ROOT}/{controller}", _ROOT, f"{_ROOT}/unified"):
        place = f"{base}{path}".rstrip("/")
        if exists(host, f"{place}/cgroup.procs"):
            return place
    return None


def read_limit(host: Host, place: str, names: tuple[str, ...]) -> int | None:
    """Return the limit in the first of the files that exists, None when there is no limit."""
    for name in names:
        word = read_word(host, f"{place}/{name}")
        if word is not None:
            limit = int(word) if word.isdigit() and len(word) < 20 else None
            return limit if limit is not None and limit < _UNLIMITED_BYTES else None
    return None
