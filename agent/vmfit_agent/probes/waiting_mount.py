"""Looks at paths on mounts whose server may be dead."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

from vmfit_agent.host import Host
from vmfit_agent.storage.hang_guard import HANG_GUARD
from vmfit_agent.storage.mount_table import read_mounts
from vmfit_agent.storage.mountinfo import MountEntry
from vmfit_agent.storage.path_resolution import resolve

Result = TypeVar("Result")


def look(host: Host, path: str, seconds: float, call: Callable[[], Result]) -> Result:
    """Return what the call returns, or raise what it raises.

    Where the path, or a symbolic link on its way, leads onto a mount that may hang: TimeoutError
    when it takes longer, and at once while an earlier look at that mount has not come back. So a
    dead server costs one question's thread, not all of them.
    """
    give_up_at = time.monotonic() + seconds
    mounts = _mounts(host)
    if not any(mount.may_hang for mount in mounts):
        return call()
    waiting = _last_waiting_mount(mounts, path, give_up_at)
    if waiting is None:
        return call()
    return _ask(waiting, give_up_at, call)


def _last_waiting_mount(
    mounts: list[MountEntry], path: str, give_up_at: float
) -> MountEntry | None:
    """Return the last mount that may hang on the way to what the path is; None without one."""
    found: list[MountEntry] = []

    def read_link(step: str) -> str:
        mount = _mount_of(mounts, step)
        if mount is None or not mount.may_hang:
            return os.readlink(step)  # noqa: PTH115 -- as resolve() does
        found.append(mount)
        return _ask(mount, give_up_at, lambda: os.readlink(step))  # noqa: PTH115

    try:
        end = _mount_of(mounts, resolve(path, read_link=read_link))
    except TimeoutError:
        raise
    except OSError:
        end = None  # What is wrong with the path, the call itself tells.
    if end is not None and end.may_hang:
        return end
    return found[-1] if found else None


def _ask(mount: MountEntry, give_up_at: float, question: Callable[[], Result]) -> Result:
    left = max(give_up_at - time.monotonic(), 0.001)
    return HANG_GUARD.ask(mount.mount_point, left, question)


def _mounts(host: Host) -> list[MountEntry]:
    try:
        return read_mounts(host)
    except (OSError, ValueError):
        return []


def _mount_of(mounts: list[MountEntry], path: str) -> MountEntry | None:
    # The deepest one, and of those on one place the last, which covers the others.
    holding = [
        mount for mount in mounts if f"{path}/".startswith(mount.mount_point.rstrip("/") + "/")
    ]
    return max(reversed(holding), key=lambda mount: len(mount.mount_point), default=None)
