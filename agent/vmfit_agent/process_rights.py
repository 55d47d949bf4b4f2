"""The capabilities of this process: which it has, who gets them, and a thread without any.

Source: capabilities(7), capget(2), prctl(2).
"""

import ctypes
import os
import platform
import re
import struct
from pathlib import Path

SETGID, SETUID = 6, 7
"""Numbers of capabilities, of linux/capability.h."""

_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPSET = {"x86_64": 126, "ppc64le": 184, "s390x": 185}
_CAPSET_GENERIC = 91
# _LINUX_CAPABILITY_VERSION_3, and the calling thread.
_HEADER = struct.pack("=Ii", 0x20080522, 0)
_NONE = bytes(24)
_EFFECTIVE = re.compile(r"^CapEff:\s*([0-9a-f]+)$", re.MULTILINE)


def holds(*capabilities: int) -> bool:
    """Return whether this thread has all of the capabilities in effect."""
    found = _EFFECTIVE.search(Path("/proc/thread-self/status").read_text())
    mask = int(found[1], 16) if found is not None else 0
    return all(mask >> each & 1 for each in capabilities)


def keep_from_programs() -> None:
    """Let no program that is started from now on have what systemd gave to this process.

    For the main thread, before there are others. Where the kernel knows no such rights, there is
    nothing to keep.
    """
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_CAP_AMBIENT, *map(ctypes.c_ulong, (_PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)))


def drop_in_thread() -> None:
    """Take all capabilities from the calling thread, for good. Raises OSError.

    A thread that becomes another user loses them by itself only if it was root's.
    """
    number = _CAPSET.get(platform.machine(), _CAPSET_GENERIC)
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(ctypes.c_long(number), _HEADER, _NONE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
