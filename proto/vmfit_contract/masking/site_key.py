"""The key by which the agents of one site give equal names to equal things."""

import os
import secrets
import stat
from pathlib import Path

KEY_BYTES = 32
_MAXIMUM_BYTES = 4096


class SiteKeyError(Exception):
    """The key cannot be used; one line that ends with the file, so that no word follows "key"."""


def read_site_key(path: Path) -> bytes:
    """Return the key of a file of hexadecimal digits that only its owner and group may read.

    Raises SiteKeyError: for a file that is not there, that others may read, or that holds no key.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor
            status = os.fstat(descriptor)
            content = file.read(_MAXIMUM_BYTES) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise SiteKeyError(f"{error.strerror}: {path}") from None
    if status.st_mode & 0o007:
        raise SiteKeyError(f"others may read it, it needs mode 0600: {path}")
    try:
        key = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise SiteKeyError(f"no {2 * KEY_BYTES} hexadecimal digits, which a site key has: {path}")
    return key


def make_site_key(path: Path) -> None:
    """Write a new key that only its owner may read; raises SiteKeyError, also for a file there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w") as file:  # noqa: PTH123 -- a descriptor
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(descriptor)
    except FileExistsError:
        raise SiteKeyError(f"exists already, and a site has one: {path}") from None
    except OSError as error:
        raise SiteKeyError(f"{error.strerror}: {path}") from None


def random_key() -> bytes:
    """Return a key for one use."""
    return secrets.token_bytes(KEY_BYTES)
