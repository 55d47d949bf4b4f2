"""What a comparator and the process that evaluates CEL for it say to each other: lists of bytes."""

import struct
from collections.abc import Callable, Sequence

MAX_FRAME_BYTES = 64 * 1024 * 1024

_COUNT = struct.Struct("!I")
_MAX_ITEMS = 1024


class FrameError(ValueError):
    """A frame that is cut short, or larger than any that is sent."""


def packed(items: Sequence[bytes]) -> bytes:
    """Return the items as one frame: their count, their lengths, their content."""
    lengths = b"".join(_COUNT.pack(len(each)) for each in items)
    return b"".join((_COUNT.pack(len(items)), lengths, *items))


def read_frame(read: Callable[[int], bytes]) -> list[bytes]:
    """Read one frame; `read` returns as many bytes as it is asked for.

    Raises FrameError, and what `read` raises.
    """
    (count,) = _COUNT.unpack(read(_COUNT.size))
    if count > _MAX_ITEMS:
        raise FrameError(f"{count} items")
    lengths = [length for (length,) in _COUNT.iter_unpack(read(_COUNT.size * count))]
    if sum(lengths) > MAX_FRAME_BYTES:
        raise FrameError(f"{sum(lengths)} bytes")
    return [read(length) for length in lengths]
