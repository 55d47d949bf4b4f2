"""Looks into file systems whose server may be dead: in bounded time, one question for each mount.

All that looks at a path that somebody else named goes through here.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from vmfit_agent.host import Host
from vmfit_agent.storage.filesystem_status import FILESYSTEM_PROBE, FilesystemStatus
from vmfit_agent.storage.hang_guard import HANG_GUARD
from vmfit_agent.storage.mount_table import read_mounts
from vmfit_agent.storage.mountinfo import MountEntry
from vmfit_agent.storage.path_resolution import resolve

Answer = TypeVar("Answer")


class Way(NamedTuple):
    """Where a path leads."""

    path: str
    real_path: str
    """Without symbolic links and `..`."""
    steps: tuple[str, ...]
    """All places that were looked at, without symbolic links above each."""


class MountGuard:
    """The mounts of a host at one moment. Safe to use from several threads."""

    def __init__(self, entries: Sequence[MountEntry]) -> None:
        """`entries` are the mount table, in the kernel's order."""
        self.entries = list(entries)
        self._waiting = [entry for entry in entries if entry.may_hang]
        self._statuses: dict[str, FilesystemStatus] = {}

    def resolve(self, path: str) -> Way:
        """Return the path without symbolic links, as path_resolution does, and the way there.

        Raises TimeoutError, which names the mount, before a link leads into one that hangs.
        """
        steps = []

        def before(step: str) -> None:
            self._fail_if_hung(step)
            steps.append(step)

        return Way(path, resolve(path, before), tuple(steps))

    def ask(self, real_path: str, seconds: float, question: Callable[[], Answer]) -> Answer:
        """Return the answer about what is at a resolved path, or raise what the question raised.

        Of a mount that may hang: TimeoutError when it takes longer, and at once while an earlier
        question about that mount has not come back. So a dead server costs one thread, however
        many of its directories are named. Elsewhere nothing hangs, and a thread costs more than
        most questions.
        """
        entry = self._waiting and holding_mount(self.entries, real_path)
        if not entry or not entry.may_hang:
            return question()
        return HANG_GUARD.ask(entry.mount_point, seconds, question)

    def waiting_status(self, entry: MountEntry) -> FilesystemStatus:
        """Return the status of a mount that may hang, asked once."""
        point = entry.mount_point
        if point not in self._statuses:
            self._statuses[point] = FILESYSTEM_PROBE.ask([point])[point]
        return self._statuses[point]

    def _fail_if_hung(self, path: str) -> None:
        for entry in self._waiting:
            if holds(entry, path) and self.waiting_status(entry).hung:
                raise TimeoutError(
                    f"{entry.mount_point} ({entry.type} {entry.source}) does not answer"
                )


def mount_guard(host: Host) -> MountGuard:
    """Return the guard for the host's mounts; without a mount table nothing is known to hang."""
    try:
        return MountGuard(read_mounts(host))
    except (OSError, ValueError) as error:
        host.warn(str(error))
        return MountGuard(())


def holding_mount(
    entries: Sequence[MountEntry], path: str, device_number: str | None = None
) -> MountEntry | None:
    """Return the mount that holds a path without symbolic links; None without a mount table.

    The longest mount point wins, then the latest mount. A mount hidden below a later one is told
    by the device number, where that is known.
    """
    candidates = [entry for entry in reversed(entries) if holds(entry, path)]
    candidates.sort(key=lambda entry: len(entry.mount_point), reverse=True)
    for entry in candidates:
        if entry.device_number == device_number:
            return entry
    # btrfs gives the files of a subvolume another number than its mount.
    return candidates[0] if candidates else None


def holds(entry: MountEntry, path: str) -> bool:
    """Tell whether a path without symbolic links lies at or below a mount point."""
    point = entry.mount_point.rstrip("/")
    return path.startswith(point) and path[len(point) : len(point) + 1] in ("", "/")
