"""Looks at paths on mounts whose server may be dead."""

from collections.abc import Callable
from typing import TypeVar

from vmfit_agent.collectors.mounts import read_mounts
from vmfit_agent.host import Host
from vmfit_agent.storage.hang_guard import HANG_GUARD
from vmfit_agent.storage.mountinfo import MountEntry

Result = TypeVar("Result")


def look(host: Host, path: str, seconds: float, call: Callable[[], Result]) -> Result:
    """Return what the call returns, or raise what it raises.

    On a mount that may hang: TimeoutError when it takes longer, and at once while an earlier look
    at that mount has not come back. So a dead server costs one question's thread, not all of them.
    """
    mount = _mount_of(host, path)
    if mount is None or not mount.may_hang:
        return call()
    return HANG_GUARD.ask(mount.mount_point, seconds, call)


def _mount_of(host: Host, path: str) -> MountEntry | None:
    try:
        mounts = read_mounts(host)
    except (OSError, ValueError):
        return None
    # The deepest one, and of those on one place the last, which covers the others.
    holding = [
        mount for mount in mounts if f"{path}/".startswith(mount.mount_point.rstrip("/") + "/")
    ]
    return max(reversed(holding), key=lambda mount: len(mount.mount_point), default=None)
