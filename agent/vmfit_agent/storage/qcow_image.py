"""Headers of QEMU's own formats: qcow, qcow2 and qed."""

from collections.abc import Iterator

from vmfit_agent.storage.image_file import BrokenImage, ImageFile, ImageHeader

_QCOW2_V2_HEADER_BYTES = 72
_QCOW2_V3_HEADER_BYTES = 104
_QCOW2_CORRUPT = 0x2
_QCOW2_EXTERNAL_DATA = 0x4
_EXTENSION_END = 0
_EXTENSION_BACKING_FORMAT = 0xE2792ACA
_EXTENSION_DATA_FILE = 0x44415441
# QEMU's own limits (block/qcow2.c).
_MAXIMUM_NAME_BYTES = 1023
_CLUSTER_BITS = range(9, 22)
_MAXIMUM_SNAPSHOTS = 65536
_ENCRYPTION = {0: None, 1: "qcow", 2: "luks"}
_QED_BACKING_FILE = 0x1
_QED_BACKING_IS_RAW = 0x4


def read_qcow(image: ImageFile) -> ImageHeader:
    """Return the header of a qcow or qcow2 image. Source: QEMU, docs/interop/qcow2.txt."""
    (version,) = image.unpack(4, ">I")
    if version == 1:
        return _read_qcow1(image)
    if version not in (2, 3):
        raise BrokenImage(f"qcow2 version {version} is unknown")
    return _read_qcow2(image, version)


def _read_qcow2(image: ImageFile, version: int) -> ImageHeader:
    backing_offset, backing_length, cluster_bits, size, encryption = image.unpack(8, ">QIIQI")
    (snapshot_count,) = image.unpack(60, ">I")
    if cluster_bits not in _CLUSTER_BITS or snapshot_count > _MAXIMUM_SNAPSHOTS:
        raise BrokenImage(f"{cluster_bits} cluster bits, {snapshot_count} snapshots")
    features, header_length = 0, _QCOW2_V2_HEADER_BYTES
    if version == 3:
        (features,) = image.unpack(72, ">Q")
        (header_length,) = image.unpack(100, ">I")
        if not _QCOW2_V3_HEADER_BYTES <= header_length <= 1 << cluster_bits:
            raise BrokenImage(f"a header of {header_length} bytes")
    extensions = dict(_extensions(image, header_length, backing_offset or 1 << cluster_bits))
    backing_file = _name(image, backing_offset, backing_length)
    external = features & _QCOW2_EXTERNAL_DATA
    return ImageHeader(
        format="qcow2",
        virtual_size_bytes=size,
        backing_file=backing_file,
        backing_format=extensions.get(_EXTENSION_BACKING_FORMAT) if backing_file else None,
        data_file=extensions.get(_EXTENSION_DATA_FILE) if external else None,
        encryption_format=_encryption(encryption),
        internal_snapshot_count=snapshot_count,
        corrupt=bool(features & _QCOW2_CORRUPT),
    )


def _extensions(image: ImageFile, offset: int, end: int) -> Iterator[tuple[int, str]]:
    # They end before the backing file's name, which lies within the first cluster.
    while offset + 8 <= end:
        kind, length = image.unpack(offset, ">II")
        if kind == _EXTENSION_END:
            return
        if length > end - offset - 8:
            raise BrokenImage(f"a header extension of {length} bytes")
        if kind in (_EXTENSION_BACKING_FORMAT, _EXTENSION_DATA_FILE):
            yield kind, image.text(offset + 8, length)
        offset += 8 + (length + 7 & ~7)


def _read_qcow1(image: ImageFile) -> ImageHeader:
    backing_offset, backing_length, _, size = image.unpack(8, ">QIIQ")
    (encryption,) = image.unpack(36, ">I")
    return ImageHeader(
        format="qcow",
        virtual_size_bytes=size,
        backing_file=_name(image, backing_offset, backing_length),
        encryption_format=_encryption(encryption),
    )


def _encryption(method: int) -> str | None:
    if method not in _ENCRYPTION:
        raise BrokenImage(f"encryption method {method} is unknown")
    return _ENCRYPTION[method]


def _name(image: ImageFile, offset: int, length: int) -> str | None:
    if offset == 0 or length == 0:
        return None
    if length > _MAXIMUM_NAME_BYTES:
        raise BrokenImage(f"a backing file's name of {length} bytes")
    return image.text(offset, length)


def read_qed(image: ImageFile) -> ImageHeader:
    """Return the header of a qed image. Source: QEMU, docs/interop/qed_spec.rst."""
    (features,) = image.unpack(16, "<Q")
    size, backing_offset, backing_length = image.unpack(48, "<QII")
    backing_file = None
    if features & _QED_BACKING_FILE:
        backing_file = _name(image, backing_offset, backing_length)
    is_raw = backing_file is not None and features & _QED_BACKING_IS_RAW
    return ImageHeader(
        format="qed",
        virtual_size_bytes=size,
        backing_file=backing_file,
        backing_format="raw" if is_raw else None,
    )
