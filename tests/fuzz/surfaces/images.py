"""Headers of disk images, which guests write."""

import os
import struct
from contextlib import suppress

from vmfit_agent.storage.image_file import BrokenImage
from vmfit_agent.storage.image_header import read_header

_DESCRIPTOR = os.memfd_create("image")


def seeds():
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, 104, 8, 16, 1 << 30, 0, 1, 0x30000,
                         0x10000, 1, 0, 0)  # fmt: skip
    features = struct.pack(">QQQII", 4, 0, 0, 4, 112) + bytes(8)
    extension = struct.pack(">II", 0x44415441, 8) + b"data.raw" + bytes(8)
    yield header + features + extension + b"base.img" + bytes(512)
    for magic in (
        b"QED\0",
        b"LUKS\xba\xbe\0\1",
        b"KDMV\1\0\0\0",
        b"COWD",
        b"vhdxfile",
        b"conectix",
    ):
        yield magic + bytes(1024)
    yield b'# Disk DescriptorFile\nversion=1\nRW 2048 SPARSE "a.vmdk"\nparentFileNameHint="b"\n'
    yield bytes(64) + b"\x7f\x10\xda\xbe" + bytes(512)


def read(data):
    os.ftruncate(_DESCRIPTOR, 0)
    os.pwrite(_DESCRIPTOR, data, 0)
    with suppress(BrokenImage):
        read_header(_DESCRIPTOR)
