"""Reads the small files of /proc, /sys, /etc and /run below a host's root."""

import os
import stat

from vmfit_agent.host import Host

MAXIMUM_BYTES = 16 << 20
"""Longer files are not what they claim to be; /proc/cpuinfo of 4096 CPUs is smaller."""


PLACEHOLDER = ".keep"
"""A file that keeps an empty directory of a recorded host; no entry of it."""


def read_text(host: Host, path: str, *, limit: int = MAXIMUM_BYTES) -> str | None:
    """Return a file's text, None when there is no such file.

    A file that is there but cannot be read gives None too, and a warning that says why. Bytes that
    are not UTF-8 are replaced.
    """
    try:
        # Non-blocking: a FIFO in a recording must not hold the collector.
        descriptor = os.open(f"{host.root}/{path}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        host.warn(f"/{path}: {error.strerror}")
        return None
    try:
        # Some recorders pad what they copied with zeros.
        return _read(descriptor, limit).decode(errors="replace").rstrip("\0")
    except OSError as error:
        host.warn(f"/{path}: {error.strerror}")
    except ValueError as error:
        host.warn(f"/{path}: {error}")
    finally:
        os.close(descriptor)
    return None


def _read(descriptor: int, limit: int) -> bytes:
    # One read serves nearly every file of /proc and /sys.
    content = os.read(descriptor, 65536)
    if not content:
        return content
    chunks = [content]
    length = len(content)
    while chunk := os.read(descriptor, 1 << 20):
        length += len(chunk)
        if length > limit:
            raise ValueError(f"longer than {limit} bytes")
        chunks.append(chunk)
    if length > limit:
        raise ValueError(f"longer than {limit} bytes")
    return b"".join(chunks)


def read_word(host: Host, path: str) -> str | None:
    """Return a file's text without surrounding space, None for an absent or empty file."""
    text = read_text(host, path)
    return text.strip() or None if text is not None else None


def read_integer(host: Host, path: str) -> int | None:
    """Return a file's decimal number, None when absent; not a number: None and a warning."""
    word = read_word(host, path)
    if word is None:
        return None
    try:
        return int(word)
    except ValueError:
        host.warn(f"/{path}: not a number: {word[:40]!r}")
        return None


def read_count(host: Host, path: str) -> int | None:
    """Return a file's number as one that fits an unsigned 64-bit field, else None."""
    number = read_integer(host, path)
    if number is None or 0 <= number < 1 << 64:
        return number
    host.warn(f"/{path}: out of range: {number}")
    return None


def list_names(host: Host, path: str) -> list[str]:
    """Return a directory's entries, sorted; none when there is no such directory.

    A directory that may not be read gives none too, and a warning.
    """
    try:
        names = os.listdir(f"{host.root}/{path}")  # noqa: PTH208 -- names, not paths
        return sorted(name for name in names if name != PLACEHOLDER)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        host.warn(f"/{path}: {error.strerror}")
        return []


def exists(host: Host, path: str) -> bool:
    """Return whether there is such a file, directory or device."""
    return os.path.exists(f"{host.root}/{path}")  # noqa: PTH110 -- Path costs ten times as much


def is_regular_file(host: Host, path: str) -> bool:
    """Return whether there is such a regular file, or a link to one."""
    try:
        return stat.S_ISREG(os.stat(f"{host.root}/{path}").st_mode)  # noqa: PTH116 -- as above
    except OSError:
        return False
