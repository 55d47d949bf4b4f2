"""Reads the headers of disk images, without trusting them and without asking QEMU."""

import os
import stat
from collections.abc import Callable

from vmfit_agent.storage.foreign_image import (
    read_luks,
    read_vdi,
    read_vhdx,
    read_vmdk3,
    read_vmdk_descriptor,
    read_vmdk_sparse,
    read_vpc,
)
from vmfit_agent.storage.hang_guard import HANG_GUARD
from vmfit_agent.storage.image_file import BrokenImage, ImageFile, ImageHeader
from vmfit_agent.storage.qcow_image import read_qcow, read_qed

__all__ = ["ImageHeader", "read_image"]

_DEADLINE_SECONDS = 1.0
# Magic bytes, where they lie, and who reads the rest.
_FORMATS: tuple[tuple[int, bytes, Callable[[ImageFile], ImageHeader]], ...] = (
    (0, b"QFI\xfb", read_qcow),
    (0, b"QED\0", read_qed),
    (0, b"LUKS\xba\xbe", read_luks),
    (0, b"KDMV", read_vmdk_sparse),
    (0, b"COWD", read_vmdk3),
    (0, b"# Disk DescriptorFile", read_vmdk_descriptor),
    (0, b"vhdxfile", read_vhdx),
    (0, b"conectix", read_vpc),
    (64, b"\x7f\x10\xda\xbe", read_vdi),
)


def read_image(path: str) -> ImageHeader | None:
    """Return what an image file or block device says of itself; without a known magic it is raw.

    None when it cannot be read, is neither file nor device, its header is broken, or its server
    does not answer within a second. A guest can write any header into a raw image: where the
    domain declares raw, only the size of this answer counts.
    """
    try:
        # A whole directory hangs, not one of its images.
        directory = path.rpartition("/")[0]
        return HANG_GUARD.ask(directory, _DEADLINE_SECONDS, lambda: _read(path))
    except (OSError, ValueError):
        return None


def _read(path: str) -> ImageHeader:
    # Non-blocking: a FIFO must not hold the agent, nor an empty drive.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise BrokenImage(f"{path}: neither a file nor a block device")
        # The length of a block device is where it ends, too.
        image = ImageFile(descriptor, os.lseek(descriptor, 0, os.SEEK_END))
        for offset, magic, read in _FORMATS:
            if image.peek(offset, len(magic)) == magic:
                return read(image)
        return ImageHeader(format="raw", virtual_size_bytes=image.size_bytes)
    finally:
        os.close(descriptor)
