"""Reads the lines of /proc/meminfo and of a NUMA node's meminfo."""

import re
from collections.abc import Mapping

_LINE = re.compile(r"^(?:Node \d+ )?([\w()]+):\s+(\d{1,16}) kB$", re.MULTILINE)


def parse_meminfo(text: str) -> Mapping[str, int]:
    """Return bytes by the kernel's name, such as "MemTotal"; lines without "kB" are left out.

    Source: Documentation/filesystems/proc.rst; /sys/devices/system/node/node*/meminfo.
    """
    return {name: int(kilobytes) * 1024 for name, kilobytes in _LINE.findall(text)}


def reclaimable_bytes(sizes: Mapping[str, int]) -> int | None:
    """Return what the kernel can take back of a NUMA node's page cache and slab without writing.

    None where the node's meminfo does not tell.
    """
    if "FilePages" not in sizes:
        return None
    kept = sizes.get("Shmem", 0) + sizes.get("Dirty", 0) + sizes.get("Writeback", 0)
    # Before Linux 4.20 only the slab was counted.
    slab = sizes.get("KReclaimable", sizes.get("SReclaimable", 0))
    return max(sizes["FilePages"] - kept, 0) + slab
