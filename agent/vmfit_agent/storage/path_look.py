"""One look at a path: what is there, or how far the way to it leads."""

import os
from typing import NamedTuple

from vmfit_agent.storage.seen_file import SeenFile, number_text

_SHARED_MEMORY = "/dev/shm"  # noqa: S108 -- nothing is made here
_EXECUTABLE = 0o111
# No emulator and no script of a definition lies there; much else may be executed.
_DATA = ("/var/", "/run/")


class Look(NamedTuple):
    """What is at a path without symbolic links."""

    real_path: str
    kind: str
    """As SeenFile has it; empty when there is nothing."""
    status: os.stat_result | None
    """None when there is nothing."""
    directory: str
    """The directory above, or the nearest above that which exists."""
    file_system_number: str
    """Of what is there, else of that directory."""

    @property
    def kinds(self) -> frozenset[str]:
        """Return all that it is, by the words of Element."""
        found = {self.kind}
        if self.kind == "file" and self.status is not None:
            if self.status.st_mode & _EXECUTABLE and not self.real_path.startswith(_DATA):
                found.add("program")
            if self.real_path.rpartition("/")[0] == _SHARED_MEMORY:
                found.add("shared memory")
        return frozenset(found)


def look(real_path: str) -> Look:
    """Look at a path, whose links were resolved; what it leads to by now is what is told of.

    Raises OSError for what may not be looked at.
    """
    directory, number = _nearest_directory(real_path.rpartition("/")[0] or "/")
    try:
        with SeenFile(real_path) as seen:
            return Look(seen.real_path, seen.kind, seen.status, directory, seen.file_system_number)
    except (FileNotFoundError, NotADirectoryError):
        return Look(real_path, "", None, directory, number)


def _nearest_directory(path: str) -> tuple[str, str]:
    try:
        with SeenFile(path) as seen:
            if seen.kind == "directory":
                return seen.real_path, number_text(seen.status.st_dev)
    except (FileNotFoundError, NotADirectoryError):
        pass
    return _nearest_directory(path.rpartition("/")[0] or "/")
