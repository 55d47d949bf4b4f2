"""Image headers: as qemu-img writes them, and as nobody should."""

import json
import os
import shutil
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmfit_agent.storage.image_file import BrokenImage
from vmfit_agent.storage.image_header import ImageHeader, read_header

MIB = 1 << 20

needs_qemu_img = pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is missing")


def read_image(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_header(descriptor)
    except BrokenImage:
        return None
    finally:
        os.close(descriptor)


def create(directory, name, *arguments) -> str:
    subprocess.run(["qemu-img", "create", "-q", *arguments, name, "8M"], cwd=directory, check=True)
    return str(directory / name)


@needs_qemu_img
@pytest.mark.parametrize("format_", ["raw", "qcow", "qcow2", "qed", "vmdk", "vdi", "vhdx", "vpc"])
def test_format_and_size_as_qemu_img_sees_them(tmp_path, format_):
    path = create(tmp_path, "disk", "-f", format_)
    told = subprocess.run(
        ["qemu-img", "info", "--output=json", path], check=True, capture_output=True
    )
    expected = json.loads(told.stdout)
    header = read_image(path)
    assert header.format == expected["format"] == format_
    assert header.virtual_size_bytes == expected["virtual-size"]
    assert header.backing_file is None
    assert header.encryption_format is None


@needs_qemu_img
def test_qcow2_with_everything(tmp_path):
    create(tmp_path, "base.raw", "-f", "raw")
    old = ["-o", "compat=0.10,backing_file=base.raw,backing_fmt=raw"]
    for arguments in (["-b", "base.raw", "-F", "raw"], old):
        header = read_image(create(tmp_path, "top", "-f", "qcow2", *arguments))
        assert (header.backing_file, header.backing_format) == ("base.raw", "raw")
        assert header.internal_snapshot_count == 0
    subprocess.run(["qemu-img", "snapshot", "-c", "one", "top"], cwd=tmp_path, check=True)
    assert read_image(str(tmp_path / "top")).internal_snapshot_count == 1

    data = create(tmp_path, "data", "-f", "qcow2", "-o", "data_file=data.raw")
    assert read_image(data).data_file == "data.raw"


@needs_qemu_img
@pytest.mark.parametrize("format_", ["qed", "vmdk", "qcow"])
def test_other_formats_name_their_backing_file(tmp_path, format_):
    base_format = "vmdk" if format_ == "vmdk" else "raw"
    create(tmp_path, "base", "-f", base_format)
    path = create(tmp_path, "top", "-f", format_, "-b", "base", "-F", base_format)
    header = read_image(path)
    assert header.backing_file == "base"
    assert header.backing_format == (None if format_ == "qcow" else base_format)


@needs_qemu_img
@pytest.mark.parametrize("subformat", ["monolithicFlat", "streamOptimized", "twoGbMaxExtentSparse"])
def test_kinds_of_vmdk(tmp_path, subformat):
    header = read_image(create(tmp_path, "x.vmdk", "-f", "vmdk", "-o", f"subformat={subformat}"))
    assert (header.format, header.virtual_size_bytes) == ("vmdk", 8 * MIB)


def qcow2(
    *,
    version=3,
    backing=b"",
    backing_offset=None,
    backing_length=None,
    cluster_bits=16,
    encryption=0,
    snapshots=0,
    features=0,
    header_length=104,
    extensions=b"",
) -> bytes:
    offset = header_length + len(extensions) if backing else 0
    offset = offset if backing_offset is None else backing_offset
    length = len(backing) if backing_length is None else backing_length
    head = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", version, offset, length, cluster_bits, 8 * MIB, encryption,
        0, 0, 0, 0, snapshots, 0,
    )  # fmt: skip
    head += struct.pack(">QQQII", features, 0, 0, 4, header_length)
    # As on any real image, something follows.
    return (head[: 72 if version == 2 else 104] + extensions + backing).ljust(4096, b"\0")


def extension(kind: int, data: bytes) -> bytes:
    return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def header_of(tmp_path, content: bytes) -> ImageHeader | None:
    path = tmp_path / "image"
    path.write_bytes(content)
    return read_image(str(path))


def test_extensions_of_a_handmade_header(tmp_path):
    extensions = (
        extension(0x6803F857, b"f" * 48)
        + extension(0xE2792ACA, b"qcow2")
        + extension(0x44415441, b"/data.raw")
        + extension(0, b"")
        + extension(0xE2792ACA, b"after the end")
    )
    header = header_of(
        tmp_path,
        qcow2(extensions=extensions, backing=b'json:{"driver":"nbd"}', features=4, encryption=1),
    )
    assert header == ImageHeader(
        format="qcow2",
        virtual_size_bytes=8 * MIB,
        backing_file='json:{"driver":"nbd"}',
        backing_format="qcow2",
        data_file="/data.raw",
        encryption_format="qcow",
        internal_snapshot_count=0,
        corrupt=False,
    )
    assert header_of(tmp_path, qcow2(features=2)).corrupt
    without = header_of(tmp_path, qcow2(extensions=extensions, backing=b"b", version=3))
    assert without.data_file is None  # the feature bit decides


@pytest.mark.parametrize(
    "content",
    [
        qcow2()[:60],
        qcow2(version=4),
        qcow2(version=0),
        qcow2(cluster_bits=63),
        qcow2(cluster_bits=8),
        qcow2(encryption=9),
        qcow2(snapshots=1 << 31),
        qcow2(header_length=1 << 20),
        qcow2(header_length=72),
        qcow2(backing=b"x", backing_length=1024),
        qcow2(backing=b"x", backing_offset=4000, backing_length=1000),
        qcow2(backing=b"x", backing_offset=1 << 63, backing_length=9),
        qcow2(extensions=struct.pack(">II", 0xE2792ACA, 0xFFFFFFFF) + b"raw"),
        b"QED\0" + b"\1" * 30,
        b"LUKS\xba\xbe\0\1",
        b"vhdxfile" + b"\0" * 64,
        b"vhdxfile".ljust(192 << 10, b"\0") + b"regi" + struct.pack("<III", 0, 0xFFFFFFFF, 0),
        b"KDMV" + b"\xff" * 600,
        b"conectix",
        b"\0" * 64 + b"\x7f\x10\xda\xbe",
    ],
)
def test_broken_headers_tell_nothing(tmp_path, content):
    assert header_of(tmp_path, content) is None


@given(
    st.sampled_from([b"QFI\xfb", b"QED\0", b"KDMV", b"COWD", b"vhdxfile", b"LUKS\xba\xbe"]),
    st.binary(max_size=600),
)
def test_any_bytes_after_a_magic_are_survived(tmp_path_factory, magic, rest):
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    path.write_bytes(magic + rest)
    header = read_image(str(path))
    assert header is None or header.format != "raw"


@given(st.binary(max_size=600))
def test_any_qcow2_header_is_bounded(tmp_path_factory, rest):
    path = tmp_path_factory.getbasetemp() / "fuzzed2"
    path.write_bytes(b"QFI\xfb\0\0\0\3" + rest)
    header = read_image(str(path))
    assert header is None or len(header.backing_file or "") <= 1023


@pytest.mark.parametrize(("method", "name"), [(0, None), (1, "qcow"), (2, "luks")])
def test_encryption_of_qcow2(tmp_path, method, name):
    assert header_of(tmp_path, qcow2(encryption=method)).encryption_format == name


def test_luks_of_both_versions(tmp_path):
    first = b"LUKS\xba\xbe\0\1".ljust(104, b"\0") + struct.pack(">I", 8) + b"\0" * 8000
    header = header_of(tmp_path, first)
    assert (header.format, header.encryption_format) == ("luks", "luks")
    assert header.virtual_size_bytes == len(first) - 8 * 512
    second = header_of(tmp_path, b"LUKS\xba\xbe\0\2".ljust(4096, b"\0"))
    assert (second.format, second.virtual_size_bytes) == ("luks", None)


def test_everything_else_is_raw(tmp_path):
    assert header_of(tmp_path, b"") == ImageHeader("raw", virtual_size_bytes=0)
    assert header_of(tmp_path, b"boot sector".ljust(1000)).virtual_size_bytes == 1000
