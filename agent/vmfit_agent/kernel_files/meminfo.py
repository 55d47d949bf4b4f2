"""Reads the lines of /proc/meminfo and of a NUMA node's meminfo."""

import re
from collections.abc import Mapping

_LINE = re.compile(r"^(?:Node \d+ )?([\w()]+):\s+(\d{1,16}) kB$", re.MULTILINE)


def parse_meminfo(text: str) -> Mapping[str, int]:
    """Return bytes by the kernel's name, such as "MemTotal"; lines without "kB" are left out.

    Source: Documentation/filesystems/proc.rst; /sys/devices/system/node/node*/meminfo.
    """
    return {name: int(kilobytes) * 1024 for name, kilobytes in _LINE.findall(text)}
