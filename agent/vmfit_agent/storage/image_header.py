"""Reads the headers of disk images, without trusting them and without asking QEMU."""

import os
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
from vmfit_agent.storage.image_file import ImageFile, ImageHeader
from vmfit_agent.storage.qcow_image import read_qcow, read_qed

__all__ = ["ImageHeader", "read_header"]

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


def read_header(descriptor: int) -> ImageHeader:
    """Return what an open image says of itself; without a known magic it is raw.

    A guest can write any header into a raw image: where the domain declares raw, only the size of
    this answer counts. Raises BrokenImage for a header that is broken, and OSError.
    """
    # The length of a block device is where it ends, too.
    image = ImageFile(descriptor, os.lseek(descriptor, 0, os.SEEK_END))
    for offset, magic, read in _FORMATS:
        if image.peek(offset, len(magic)) == magic:
            return read(image)
    return ImageHeader(format="raw", virtual_size_bytes=image.size_bytes)
