"""Asks file systems how full they are, without waiting for dead servers."""

import os
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple


class FilesystemStatus(NamedTuple):
    """What statvfs told of a mount point."""

    size_bytes: int | None = None
    available_bytes: int | None = None
    available_inode_count: int | None = None
    fsid: str | None = None
    hung: bool = False
    error: str = ""


class _Call:
    """One statvfs in a thread of its own."""

    def __init__(self, path: str) -> None:
        self.started = time.monotonic()
        self.answer: FilesystemStatus | None = None
        self._path = path
        self._thread = threading.Thread(target=self._run, name="statvfs", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.answer = filesystem_status(self._path)

    def wait_until(self, deadline: float) -> None:
        """Wait for the answer, no longer than until that time."""
        self._thread.join(max(deadline - time.monotonic(), 0.0))


class FilesystemProbe:
    """Asks statvfs of mount points. Safe to use from several threads.

    A call to a dead server cannot be ended. It is remembered, and as long as it hangs the mount
    point counts as hung without being asked again.
    """

    def __init__(self, budget_seconds: float = 0.9) -> None:
        self._budget_seconds = budget_seconds
        self._calls: dict[str, _Call] = {}
        self._lock = threading.Lock()

    def ask(self, mount_points: Iterable[str]) -> dict[str, FilesystemStatus]:
        """Return every mount point's status, within the budget for all of them together."""
        calls = {point: self._call(point) for point in mount_points}
        hung = FilesystemStatus(hung=True, error="the file system does not answer")
        answers = {}
        for point, call in calls.items():
            # A call that is older has had a part of its time.
            call.wait_until(call.started + self._budget_seconds)
            answers[point] = call.answer or hung
            if call.answer is not None:
                self._forget(point, call)
        return answers

    def _call(self, point: str) -> _Call:
        with self._lock:
            call = self._calls.get(point)
            if call is None or call.answer is not None:
                call = self._calls[point] = _Call(point)
            return call

    def _forget(self, point: str, call: _Call) -> None:
        with self._lock:
            if self._calls.get(point) is call:
                del self._calls[point]


def filesystem_status(path: str) -> FilesystemStatus:
    """Return the status of the file system at a path, however long that takes.

    File systems without blocks (proc, sysfs) have no sizes, those that make inodes as they need
    them (btrfs) no count of them, those without an identity no fsid.
    Source: statvfs(3).
    """
    try:
        status = os.statvfs(path)
    except (OSError, ValueError) as error:
        return FilesystemStatus(error=getattr(error, "strerror", None) or str(error))
    sized = status.f_blocks > 0
    return FilesystemStatus(
        size_bytes=status.f_blocks * status.f_frsize if sized else None,
        available_bytes=status.f_bavail * status.f_frsize if sized else None,
        available_inode_count=status.f_favail if status.f_files else None,
        fsid=f"{status.f_fsid:016x}" if status.f_fsid else None,
    )


# One for the process: a server stays dead from one collection to the next.
FILESYSTEM_PROBE = FilesystemProbe()
