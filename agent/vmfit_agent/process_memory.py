"""Keeps a long-running process small: in its heaps, and in what it has mapped of programs."""

import ctypes
import gc
from pathlib import Path

# From glibc's malloc.h.
_M_ARENA_MAX = -8
# From the kernel's mman-common.h.
_MADV_DONTNEED = 4


def limit_heaps() -> None:
    """Let all threads share one heap, before they start; glibc would give each one of its own."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def settle() -> None:
    """Give back what only the start needed, and leave what stays out of garbage collection."""
    gc.collect()
    gc.freeze()
    gc.enable()
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
    _forget_code()


def _forget_code() -> None:
    """Unmap the pages of programs' code: what runs again is mapped again, from the page cache.

    Nobody writes to code, so nothing is lost. Source: madvise(2), proc(5).
    """
    madvise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, permissions, _, _, inode, *_ = line.split()
        if permissions == "r-xp" and inode != "0":
            start, end = (int(each, 16) for each in place.split("-"))
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)
