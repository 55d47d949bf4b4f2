"""Keeps a long-running process small: glibc would give every thread a heap of its own."""

import ctypes
import gc

# From glibc's malloc.h.
_M_ARENA_MAX = -8


def limit_heaps() -> None:
    """Let all threads share one heap, before they start; does nothing without glibc."""
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
