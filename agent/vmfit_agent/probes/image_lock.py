"""Does somebody hold QEMU's locks on an image?"""

import fcntl
import os
import stat
import struct

# QEMU keeps a byte locked for every permission that it has, or that it denies to others.
_FIRST_BYTE, _BYTES = 100, 200
_WRITE_BYTE = 101
_FLOCK = struct.Struct("@hhqqi4x")
# What no version of Python names.
_F_OFD_GETLK = 36


def image_locked(descriptor: int) -> bool | None:
    """Ask for a lock that would conflict, without taking it; None where it cannot be asked.

    Locks of other hosts are seen where the file system passes them on. Source: fcntl(2),
    F_OFD_GETLK; QEMU's image locking.
    """
    return _locked(descriptor, _FIRST_BYTE, _BYTES)


def image_written(descriptor: int) -> bool | None:
    """Ask in the same way whether one of those who hold the locks writes to the image."""
    return _locked(descriptor, _WRITE_BYTE, 1)


def _locked(descriptor: int, first: int, length: int) -> bool | None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return None
    wanted = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, first, length, 0)
    try:
        found = fcntl.fcntl(descriptor, _F_OFD_GETLK, wanted)
    except OSError:
        return None
    return bool(_FLOCK.unpack(found)[0] != fcntl.F_UNLCK)
