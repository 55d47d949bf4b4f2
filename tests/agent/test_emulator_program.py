"""What emulators' programs lack, and which modules lie beside them."""

import struct

import pytest

from vmfit_agent.host import Host
from vmfit_agent.virtualization.emulator_program import DEVICE_TYPES, read_emulator
from vmfit_agent.virtualization.qemu_modules import qemu_modules

CODE, DATA = 0x6, 0x2
PATH = "/usr/bin/qemu-system-x86_64"


def program(*sections):
    """Return a 64-bit ELF file with these (flags, content) sections."""
    contents, table, offset = b"", struct.pack("<64x"), 64
    for flags, content in sections:
        table += struct.pack("<IIQQQQ24x", 1, 1, flags, 0, offset, len(content))
        contents += content
        offset += len(content)
    header = b"\x7fELF\x02\x01".ljust(40, b"\0") + struct.pack("<Q", offset)
    header = header.ljust(58, b"\0") + struct.pack("<HHH", 64, len(sections) + 1, 0)
    return header + contents + table


def names(*without):
    kept = [name for name in DEVICE_TYPES if name not in without]
    return b"\0".join(name.encode() for name in ("qom-list-types", *kept)) + b"\0"


def install(tmp_path, content):
    file = tmp_path / PATH[1:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("sections", "absent"),
    [
        ([(DATA, names())], []),
        ([(DATA, names("virtio-rng-pci"))], ["virtio-rng-pci"]),
        # A name may end a longer one or lie in another section; code and parts do not count.
        ([(DATA, names("e1000")), (DATA, b"other-e1000\0")], []),
        ([(DATA, names("e1000")), (CODE, b"e1000\0")], ["e1000"]),
        ([(DATA, names("qxl", "qxl-vga") + b"qxl-vgas\0")], ["qxl", "qxl-vga"]),
    ],
)
def test_types_that_are_not_in_the_program(tmp_path, sections, absent):
    emulator = read_emulator(install(tmp_path, program(*sections)), PATH)
    assert (emulator.path, list(emulator.absent_device_types)) == (PATH, absent)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#!/bin/sh\nexec qemu\n",
        program((DATA, b"execve\0")),
        program((DATA, names()))[:100],
        b"\x7fELF\x01\x01" + bytes(200),
    ],
)
def test_what_is_no_such_program_says_nothing(tmp_path, content):
    assert read_emulator(install(tmp_path, content), PATH) is None


def test_a_missing_program_says_nothing(tmp_path):
    assert read_emulator(Host(tmp_path), PATH) is None


def test_a_replaced_program_is_read_again(tmp_path):
    host = install(tmp_path, program((DATA, names())))
    assert not read_emulator(host, PATH).absent_device_types
    (tmp_path / PATH[1:]).unlink()
    host = install(tmp_path, program((DATA, names("qxl") + bytes(8))))
    assert list(read_emulator(host, PATH).absent_device_types) == ["qxl"]


def test_modules_are_listed_once_and_sorted(tmp_path):
    for path in ("usr/lib/x86_64-linux-gnu/qemu/ui-gtk.so", "usr/lib64/qemu-kvm/block-rbd.so",
                 "usr/lib/qemu/block-rbd.so", "usr/lib/qemu/notes.txt"):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert qemu_modules(Host(tmp_path)) == ["block-rbd.so", "ui-gtk.so"]
