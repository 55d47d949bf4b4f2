"""The option ROMs and BIOS images that QEMU loads by name."""

import os
import re
from pathlib import Path

from vmfit.v1.hypervisor_pb2 import RomFile
from vmfit_agent.host import Host

# In the order in which distributions' QEMU looks: its own data, then what it links to.
ROM_DIRECTORIES = (
    "usr/share/qemu",
    "usr/share/qemu-kvm",
    "usr/share/seabios",
    "usr/lib/ipxe/qemu",
    "usr/share/ipxe/qemu",
    "usr/share/qemu/firmware",
)
_ROM = re.compile(r"(?:efi|pxe)-.*\.rom|(?:vga)?bios.*\.bin|kvmvapic\.bin")
_MOST_FILES = 200


def rom_files(host: Host) -> list[RomFile]:
    """Return the ROM files of QEMU's data directories, sorted by name; the first of a name counts.

    Sizes are in bytes. Directories that are missing or cannot be read are left out.
    Source: QEMU's search order, stat(2).
    """
    found: dict[str, RomFile] = {}
    for directory in ROM_DIRECTORIES:
        for path in _matches(host.root / directory):
            try:
                size = path.stat().st_size
            except OSError:
                continue
            name = path.name
            found.setdefault(name, RomFile(name=name, path=f"/{directory}/{name}", size_bytes=size))
    return [found[name] for name in sorted(found)]


def _matches(directory: Path) -> list[Path]:
    try:
        names = os.listdir(directory)  # noqa: PTH208 -- a glob takes several times as long
    except OSError:
        return []
    return [directory / name for name in sorted(filter(_ROM.fullmatch, names))[:_MOST_FILES]]
