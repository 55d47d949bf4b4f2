"""Looks at a path without opening what is there, and opens only what was seen."""

import os
import stat
from types import TracebackType
from typing import Self

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFBLK: "block",
    stat.S_IFCHR: "character",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "fifo",
}
_STORAGE = frozenset(("file", "block"))


class NoStorage(OSError):  # noqa: N818 -- said of what is there
    """Neither a regular file nor a block device: it is never opened."""


class SeenFile:
    """One look at what a path leads to; a context manager, for it holds a descriptor.

    To open some devices acts on them (a watchdog starts, a terminal is made), to open a FIFO lets
    its writer go. A path that leads elsewhere a moment later changes nothing here: all that is told
    is of the same thing, and that is what `open` opens.
    """

    def __init__(self, path: str) -> None:
        """Raises OSError where there is nothing, or what may not be looked at."""
        # Needs no right to read, and nothing but the path is touched. Source: open(2), O_PATH.
        self._place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            self.status = os.fstat(self._place)
            self.real_path = os.readlink(self._link)  # noqa: PTH115 -- Path costs more
        except OSError:
            os.close(self._place)
            raise

    def __enter__(self) -> Self:
        """Return the look itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget what was seen."""
        os.close(self._place)

    @property
    def _link(self) -> str:
        return f"/proc/self/fd/{self._place}"

    @property
    def kind(self) -> str:
        """Return "file", "directory", "block", "character", "socket" or "fifo"."""
        return _KINDS.get(stat.S_IFMT(self.status.st_mode), "")

    @property
    def device_number(self) -> str:
        """Return MAJOR:MINOR of a device."""
        return number_text(self.status.st_rdev)

    @property
    def file_system_number(self) -> str:
        """Return MAJOR:MINOR of the file system that holds it."""
        return number_text(self.status.st_dev)

    def open(self, flags: int = 0) -> int:
        """Return a descriptor to read from; raises NoStorage for all but files and block devices.

        `flags` are added to those of open(2).
        """
        if self.kind not in _STORAGE:
            raise NoStorage(f"{self.real_path}: neither a regular file nor a block device")
        # Non-blocking: an empty drive must not hold the agent, nor a lease.
        return os.open(self._link, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)


def number_text(number: int) -> str:
    """Return a device number as sysfs and the mount table write it."""
    return f"{os.major(number)}:{os.minor(number)}"
