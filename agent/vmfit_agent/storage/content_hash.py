"""Hashes of firmware images and the like, remembered as long as the files do not change."""

import hashlib
import os
import stat
import threading

MAXIMUM_BYTES = 64 << 20
_MAXIMUM_REMEMBERED = 256
_CHUNK_BYTES = 1 << 20
_KEYED_BYTES = 16
_MARK_BYTES = 8


def keyed_hash(sha256: str, key: bytes) -> str:
    """Return a mark of the key and the content's hash with it, which tells only beside another.

    Source: BLAKE2b (RFC 7693) of 16 bytes, of the SHA-256.
    """
    digest = hashlib.blake2b(bytes.fromhex(sha256), digest_size=_KEYED_BYTES, key=key).hexdigest()
    mark = hashlib.blake2b(key=key, digest_size=_MARK_BYTES, person=b"vmfit mark").hexdigest()
    return f"{mark}:{digest}"


class ContentHashes:
    """SHA-256 of files up to 64 MiB. Safe to use from several threads."""

    def __init__(self) -> None:
        # Device, inode, time of change and length tell whether a file is still the same.
        self._known: dict[tuple[int, int, int, int], str] = {}
        self._lock = threading.Lock()

    def sha256(self, descriptor: int) -> str | None:
        """Return the hash of an open file in hexadecimal; None for what is no file or too long.

        Raises OSError when it cannot be read.
        """
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAXIMUM_BYTES:
            return None
        key = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
        with self._lock:
            known = self._known.get(key)
        return known or self._remember(key, _hash(descriptor))

    def _remember(self, key: tuple[int, int, int, int], value: str) -> str:
        with self._lock:
            if len(self._known) >= _MAXIMUM_REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = value
        return value


def _hash(descriptor: int) -> str:
    digest, remaining = hashlib.sha256(), MAXIMUM_BYTES
    while remaining > 0 and (chunk := os.read(descriptor, min(_CHUNK_BYTES, remaining))):
        digest.update(chunk)
        remaining -= len(chunk)
    return digest.hexdigest()


# One for the process: the same firmware is asked for at every description.
CONTENT_HASHES = ContentHashes()
