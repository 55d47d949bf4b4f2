"""A disk image as bytes that nobody vouches for, and what its header says."""

import os
import struct
from dataclasses import dataclass

# No header, descriptor or table that is read here is longer.
READ_LIMIT_BYTES = 1 << 20


class BrokenImage(ValueError):  # noqa: N818 -- said of the image
    """The header is cut short or contradicts itself."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What an image says of itself. A field is None when the image has no such thing."""

    format: str
    """As QEMU names it: "raw", "qcow2", "qcow", "qed", "vmdk", "vdi", "vhdx", "vpc", "luks"."""
    virtual_size_bytes: int | None = None
    """What a guest sees; None when the format does not tell it in its header."""
    backing_file: str | None = None
    """As written: maybe relative to the image's directory, a URI or "json:{...}"."""
    backing_format: str | None = None
    """None when the image does not tell; QEMU would then guess."""
    data_file: str | None = None
    """The external data file of a qcow2 image."""
    encryption_format: str | None = None
    """ "luks", or "qcow" for the AES of old."""
    internal_snapshot_count: int | None = None
    corrupt: bool | None = None
    """QEMU marked it, and opens it for reading only; None where the format has no such mark."""


class ImageFile:
    """Bounded reads of an open image."""

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self._descriptor = descriptor
        self.size_bytes = size_bytes

    def peek(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes, fewer at the end of the image."""
        if not 0 <= offset < 1 << 62 or not 0 <= length <= READ_LIMIT_BYTES:
            raise BrokenImage(f"{length} bytes at {offset} are no part of a header")
        return os.pread(self._descriptor, length, offset)

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes, else raise BrokenImage."""
        content = self.peek(offset, length)
        if len(content) != length:
            raise BrokenImage(f"ends before {offset + length} bytes")
        return content

    def unpack(self, offset: int, layout: str) -> tuple[int, ...]:
        """Return integers as `struct` lays them out, else raise BrokenImage."""
        numbers: tuple[int, ...] = struct.unpack(layout, self.read(offset, struct.calcsize(layout)))
        return numbers

    def text(self, offset: int, length: int) -> str:
        """Return a name of that length, without what follows a NUL."""
        return self.read(offset, length).partition(b"\0")[0].decode("utf-8", "replace")
