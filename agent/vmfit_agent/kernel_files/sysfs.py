"""Reads attributes and links of sysfs: what is missing or refused is None.

Drivers refuse attributes that mean nothing now (the speed of a port without a link), so that a
refusal is no cause for a warning here.
"""

import os
from collections.abc import Iterator

from vmfit_agent.kernel_files.host_files import PLACEHOLDER

# The kernel gives at most one page for an attribute; binary ones (VPD) are no longer.
_ATTRIBUTE_LIMIT_BYTES = 4096


def read_bytes(path: str, limit: int = _ATTRIBUTE_LIMIT_BYTES) -> bytes | None:
    """Return at most the first `limit` bytes; None when the file is missing or refuses to be read.

    A plain open and read: in loops over thousands of attributes, Path costs several times as much.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        # The kernel hands out an attribute whole.
        return os.read(descriptor, limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def read_text(path: str) -> str | None:
    """Return the attribute without surrounding blanks; None when missing, refused or empty."""
    content = read_bytes(path)
    if not content:
        return None
    return content.decode("utf-8", "replace").strip(" \t\r\n\0") or None


def read_int(path: str) -> int | None:
    """Return a decimal or 0x number; None when missing, refused or no number."""
    text = read_text(path)
    if text is None:
        return None
    try:
        return int(text, 16) if text[:2].lower() == "0x" else int(text)
    except ValueError:
        return None


def read_count(path: str, below: int = 2**32) -> int | None:
    """Return a number that is not negative and less than `below`, else None."""
    number = read_int(path)
    return number if number is not None and 0 <= number < below else None


def link_name(path: str) -> str | None:
    """Return the last component of what a symbolic link points to; None when it is none."""
    try:
        name = os.readlink(path).rpartition("/")[2]  # noqa: PTH115 -- as in read_bytes
    except OSError:
        return None
    return name if name and name.isprintable() else None


def entry_names(path: str) -> list[str]:
    """Return the directory's entries, sorted; none when it is missing or refused.

    Names that are no text are left out: nobody can ask for such an interface or device. So is
    what keeps an empty directory of a recorded host.
    """
    try:
        names = os.listdir(path)  # noqa: PTH208 -- as in read_bytes
    except OSError:
        return []
    return sorted(name for name in names if name.isprintable() and name != PLACEHOLDER)


def exists(path: str) -> bool:
    """Return whether there is such a file or directory."""
    return os.path.exists(path)  # noqa: PTH110 -- as in read_bytes


def key_values(text: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of KEY=VALUE lines, as in a uevent file."""
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if equals:
            yield key, value
