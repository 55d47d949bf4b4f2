"""In which of the system's own directories a file lies, by whatever name it is reached."""

import os
import posixpath
from collections.abc import Iterator, Sequence

from vmfit_agent.content_directories import NEVER
from vmfit_agent.storage.mount_guard import Way, holding_mount
from vmfit_agent.storage.mountinfo import MountEntry

SYSTEM = (
    *("/home", "/run", "/boot", "/efi", "/usr", "/var"),
    # Where they are no links into /usr.
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
)
"""Below these only what is known to hold guests' files."""
CLOSED = ("/etc", "/root", "/proc", "/sys", "/home", "/boot", "/efi")
"""Of what lies below these nothing at all is told, of directories and sockets neither."""


def system_directory(real_path: str, mounts: Sequence[MountEntry]) -> str:
    """Return the one of NEVER and SYSTEM that a file lies in, those of NEVER first; else empty.

    A bind mount shows files of another directory, and below some directories lies a whole system: a
    chroot, a container, a snapshot of the root, a disk of another. Of a bind mount of one directory
    in SYSTEM, its place counts: the administrator chose that one for something.
    """
    names = [real_path, *_bound_from(real_path, mounts)]
    found = [lexical_root(each) for each in names] + [
        root for each in names for root in _nested(each)
    ]
    found = [root for root in found if root]
    return next((root for root in found if root in NEVER), found[0] if found else "")


def lexical_root(path: str) -> str:
    """Return the one of NEVER and SYSTEM that a path lies in by its name; else empty."""
    return next((each for each in (*NEVER, *SYSTEM) if is_below(path, each)), "")


def left_on_the_way(way: Way) -> Iterator[str]:
    """Yield the places in the system's directories that a way leads through and leaves again.

    That it gets on tells that they are there: all below CLOSED, and by `..` all others.
    """
    parts = way.path.split("/")
    backs = (n for n, part in enumerate(parts) if part == "..")
    climbed = [posixpath.normpath("/".join(parts[:n])) for n in backs]
    for place in (*way.steps, *climbed):
        root = lexical_root(place)
        is_secret = root in CLOSED or (root in SYSTEM and place in climbed)
        if is_secret and place != root and not is_below(way.real_path, place):
            yield place


def _bound_from(real_path: str, mounts: Sequence[MountEntry]) -> Iterator[str]:
    """Yield the other names that the mounts give a file."""
    holding = holding_mount(mounts, real_path)
    if holding is None:
        return
    below = real_path[len(holding.mount_point.rstrip("/")) :]
    for other in mounts:
        if other is holding or other.device_number != holding.device_number:
            continue
        place = _name_in(other, holding.root)
        name = _name_in(other, holding.root.rstrip("/") + below)
        if name and not (place and lexical_root(place) in SYSTEM and place not in SYSTEM):
            yield name


def _name_in(mount: MountEntry, inside: str) -> str:
    """Return where a mount shows what lies at a path inside of its file system; else empty."""
    root = mount.root.rstrip("/")
    return mount.mount_point.rstrip("/") + inside[len(root) :] if is_below(inside, root) else ""


def _nested(path: str) -> Iterator[str]:
    """Yield the directories of systems that lie somewhere above a file."""
    parts = path.split("/")
    for start in range(2, len(parts)):
        root = lexical_root("/" + "/".join(parts[start:]))
        # Its links were followed a moment ago, on the way to a file below: nothing hangs.
        if root and os.path.lexists("/".join(parts[:start]) + "/etc/passwd"):
            yield root


def is_below(path: str, directory: str) -> bool:
    """Tell whether a path is a directory or lies in it; the empty text is the root."""
    return path.startswith(directory) and path[len(directory) : len(directory) + 1] in ("", "/")
