"""Asks file systems how full they are, without waiting for dead servers."""

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilesystemStatus:
    """What statvfs told of a mount point."""

    size_bytes: int | None = None
    available_bytes: int | None = None
    fsid: str | None = None
    hung: bool = False
    error: str = ""


class FilesystemProbe:
    """Asks statvfs of mount points. Safe to use from several threads.

    A call to a dead server cannot be ended. Its thread is remembered, and as long as it hangs the
    mount point counts as hung without being asked again.
    """

    def __init__(self, budget_seconds: float = 0.9) -> None:
        self._budget_seconds = budget_seconds
        self._hanging: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def ask(self, mount_points: Iterable[str]) -> dict[str, FilesystemStatus]:
        """Return every mount point's status, within the budget for all of them together."""
        wanted = dict.fromkeys(mount_points)
        answers: dict[str, FilesystemStatus] = {}
        threads = {point: self._start(point, answers) for point in wanted}
        deadline = time.monotonic() + self._budget_seconds
        hung = FilesystemStatus(hung=True, error="the file system does not answer")
        for point, (thread, is_new) in threads.items():
            if is_new:
                thread.join(max(deadline - time.monotonic(), 0.0))
            if not thread.is_alive():
                with self._lock:
                    self._hanging.pop(point, None)
        return {point: answers.get(point, hung) for point in wanted}

    def is_hanging(self, mount_point: str) -> bool:
        """Return whether an earlier call still waits for the mount point."""
        with self._lock:
            thread = self._hanging.get(mount_point)
            return thread is not None and thread.is_alive()

    def _start(
        self, point: str, answers: dict[str, FilesystemStatus]
    ) -> tuple[threading.Thread, bool]:
        with self._lock:
            busy = self._hanging.get(point)
            if busy is not None and busy.is_alive():
                return busy, False
            thread = threading.Thread(
                target=lambda: answers.__setitem__(point, filesystem_status(point)),
                name="statvfs",
                daemon=True,
            )
            self._hanging[point] = thread
            thread.start()
            return thread, True


def filesystem_status(path: str) -> FilesystemStatus:
    """Return the status of the file system at a path, however long that takes.

    File systems without blocks (proc, sysfs) have no sizes, those without an identity no fsid.
    Source: statvfs(3).
    """
    try:
        status = os.statvfs(path)
    except OSError as error:
        return FilesystemStatus(error=error.strerror or str(error))
    sized = status.f_blocks > 0
    return FilesystemStatus(
        size_bytes=status.f_blocks * status.f_frsize if sized else None,
        available_bytes=status.f_bavail * status.f_frsize if sized else None,
        fsid=f"{status.f_fsid:016x}" if status.f_fsid else None,
    )


# One for the process: a server stays dead from one collection to the next.
FILESYSTEM_PROBE = FilesystemProbe()
