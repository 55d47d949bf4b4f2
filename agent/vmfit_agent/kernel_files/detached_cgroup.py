"""Opens a hierarchy of control groups that is mounted nowhere in sight, and mounts it nowhere.

In a container or a namespace the control groups of libvirt's daemon may bound its guests while no
mount shows them. The kernel gives out a mount that has no place in the file tree, here read-only.
"""

import contextlib
import os
from collections.abc import Iterator

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text

# From linux/mount.h; the numbers of the system calls are those of every architecture since 5.2.
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CLOSE_ON_EXEC = 1
_SET_FLAG, _CREATE = 0, 6
_READ_ONLY_NOSUID_NODEV_NOEXEC = 0xF


@contextlib.contextmanager
def detached_hierarchy(host: Host, controller: str) -> Iterator[str | None]:
    """Yield the controller's hierarchy as a directory below the live host's root.

    None where the kernel has none in use, or does not give it to this process.
    Source: fsopen(2), fsmount(2); cgroups(7).
    """
    options = _options(host, controller)
    descriptor: int | None = None
    if host.is_live and options is not None:
        # A refusal is no loss: the caller says that the group cannot be seen.
        with contextlib.suppress(OSError):
            descriptor = _mount(*options)
    try:
        yield f"proc/self/fd/{descriptor}" if descriptor is not None else None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _options(host: Host, controller: str) -> tuple[str, list[str]] | None:
    """Return type and options of the very hierarchy that is in use, None when there is none.

    With other options version 1 would be asked for a new hierarchy; a process is in every
    hierarchy that exists.
    """
    unified = False
    for line in (read_text(host, "proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        names = rest.partition(":")[0].split(",")
        if number == "0":
            unified = True
        elif controller in names and not any(name.startswith("name=") for name in names):
            return "cgroup", names
    return ("cgroup2", []) if unified else None


def _mount(kind: str, options: list[str]) -> int:
    import ctypes  # noqa: PLC0415 -- few hosts come to this

    library = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *arguments: int | bytes | None) -> int:
        result: int = library.syscall(number, *arguments)
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    context = call(_FSOPEN, kind.encode(), _CLOSE_ON_EXEC)
    try:
        for option in options:
            call(_FSCONFIG, context, _SET_FLAG, option.encode(), None, 0)
        call(_FSCONFIG, context, _CREATE, None, None, 0)
        return call(_FSMOUNT, context, _CLOSE_ON_EXEC, _READ_ONLY_NOSUID_NODEV_NOEXEC)
    finally:
        os.close(context)
