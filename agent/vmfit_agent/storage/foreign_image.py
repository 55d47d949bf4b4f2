"""Headers of other products' image formats: vmdk, vdi, vhdx, vpc, and of LUKS."""

import re

from vmfit_agent.storage.image_file import BrokenImage, ImageFile, ImageHeader

_SECTOR_BYTES = 512
_VMDK_DESCRIPTOR_LIMIT_BYTES = 1 << 16
_VMDK_EXTENT = re.compile(r"^(?:RW|RDONLY|NOACCESS)\s+(\d+)\s+\w+", re.MULTILINE)
_VMDK_PARENT = re.compile(r'^\s*parentFileNameHint\s*=\s*"([^"\n]*)"', re.MULTILINE)
_VMDK_NO_PARENT = re.compile(r"^\s*parentCID\s*=\s*ffffffff\s*$", re.MULTILINE | re.IGNORECASE)
_VHDX_REGION_TABLE_OFFSET = 192 << 10
_VHDX_MAXIMUM_ENTRIES = 2047
# Both as they lie on disk: the first three parts of a GUID are little-endian.
_VHDX_METADATA = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
_VHDX_VIRTUAL_SIZE = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")


def read_vmdk_descriptor(image: ImageFile) -> ImageHeader:
    """Return what a descriptor file tells. Source: VMware, Virtual Disk Format 5.0."""
    length = min(image.size_bytes, _VMDK_DESCRIPTOR_LIMIT_BYTES)
    text = image.peek(0, length).decode("utf-8", "replace")
    sectors = sum(int(match[1]) for match in _VMDK_EXTENT.finditer(text))
    return _vmdk(text, sectors)


def read_vmdk_sparse(image: ImageFile) -> ImageHeader:
    """Return the header of a sparse extent with the descriptor that it may hold."""
    (sectors,) = image.unpack(12, "<Q")
    offset, length = image.unpack(28, "<QQ")
    length = min(length * _SECTOR_BYTES, _VMDK_DESCRIPTOR_LIMIT_BYTES)
    text = image.peek(offset * _SECTOR_BYTES, length).decode("utf-8", "replace") if offset else ""
    return _vmdk(text.partition("\0")[0], sectors)


def _vmdk(text: str, sectors: int) -> ImageHeader:
    parent = None if _VMDK_NO_PARENT.search(text) else _VMDK_PARENT.search(text)
    return ImageHeader(
        format="vmdk",
        virtual_size_bytes=sectors * _SECTOR_BYTES,
        backing_file=(parent[1] or None) if parent is not None else None,
        backing_format="vmdk" if parent is not None and parent[1] else None,
    )


def read_vmdk3(image: ImageFile) -> ImageHeader:
    """Return the header of an ESX copy-on-write extent."""
    (sectors,) = image.unpack(12, "<I")
    return ImageHeader(format="vmdk", virtual_size_bytes=sectors * _SECTOR_BYTES)


def read_vdi(image: ImageFile) -> ImageHeader:
    """Return the header of a VirtualBox image. Source: QEMU, block/vdi.c (layout)."""
    (size,) = image.unpack(0x170, "<Q")
    return ImageHeader(format="vdi", virtual_size_bytes=size)


def read_vpc(image: ImageFile) -> ImageHeader:
    """Return the header of a dynamic VHD. Source: Microsoft, Virtual Hard Disk Format 1.0."""
    (size,) = image.unpack(48, ">Q")
    return ImageHeader(format="vpc", virtual_size_bytes=size)


def read_vhdx(image: ImageFile) -> ImageHeader:
    """Return the virtual size of a VHDX image. Source: MS-VHDX, 2.2.3 and 2.6."""
    metadata = _vhdx_metadata_offset(image)
    signature = image.read(metadata, 8)
    (count,) = image.unpack(metadata + 10, "<H")
    if signature != b"metadata" or count > _VHDX_MAXIMUM_ENTRIES:
        raise BrokenImage("no VHDX metadata where they should be")
    for index in range(count):
        entry = metadata + 32 + 32 * index
        if image.read(entry, 16) == _VHDX_VIRTUAL_SIZE:
            (offset,) = image.unpack(entry + 16, "<I")
            (size,) = image.unpack(metadata + offset, "<Q")
            return ImageHeader(format="vhdx", virtual_size_bytes=size)
    raise BrokenImage("VHDX metadata without a virtual size")


def _vhdx_metadata_offset(image: ImageFile) -> int:
    signature = image.read(_VHDX_REGION_TABLE_OFFSET, 4)
    (count,) = image.unpack(_VHDX_REGION_TABLE_OFFSET + 8, "<I")
    if signature != b"regi" or count > _VHDX_MAXIMUM_ENTRIES:
        raise BrokenImage("no VHDX region table where it should be")
    for index in range(count):
        entry = _VHDX_REGION_TABLE_OFFSET + 16 + 32 * index
        if image.read(entry, 16) == _VHDX_METADATA:
            return image.unpack(entry + 16, "<Q")[0]
    raise BrokenImage("a VHDX image without metadata")


def read_luks(image: ImageFile) -> ImageHeader:
    """Return the header of a LUKS container; version 2 has no size of its own here.

    Source: LUKS On-Disk Format Specification 1.2.
    """
    (version,) = image.unpack(6, ">H")
    size = None
    if version == 1:
        (payload_sectors,) = image.unpack(104, ">I")
        size = max(image.size_bytes - payload_sectors * _SECTOR_BYTES, 0)
    return ImageHeader(format="luks", virtual_size_bytes=size, encryption_format="luks")
