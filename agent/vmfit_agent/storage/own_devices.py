"""Which block devices the host itself uses: those are no guest's disks."""

import os
import stat
from collections.abc import Iterable

from vmfit_agent.kernel_files.sysfs import entry_names, exists, read_bytes, read_text
from vmfit_agent.storage.mountinfo import MountEntry, unescape
from vmfit_agent.storage.seen_file import number_text

_SWAPS = "/proc/swaps"
_SWAPS_LIMIT_BYTES = 1 << 16
_MAXIMUM_DEVICES = 2048


def host_uses(number: str, mounts: Iterable[MountEntry]) -> bool:
    """Tell whether a device, or one that lies on it, is mounted or swapped to on this host.

    A disk is in use when one of its partitions is, a partition when a volume on it is. What a file
    system of several disks (ZFS) says to nobody is not seen. Source: /sys/dev/block,
    /proc/self/mountinfo, /proc/swaps.
    """
    used = {entry.device_number for entry in mounts}
    sources = {entry.source for entry in mounts if entry.device_number.startswith("0:")}
    used |= {_number(path) for path in sources | _swaps()} - {""}
    found, layer = {number}, {number}
    while layer and used.isdisjoint(layer):
        layer = {above for each in layer for above in _directly_on(each)} - found
        found |= layer
        if len(found) > _MAXIMUM_DEVICES:
            return True  # Nobody knows of all of them.
    return bool(layer)


def _directly_on(number: str) -> Iterable[str]:
    directory = f"/sys/dev/block/{number}"
    parts = [name for name in entry_names(directory) if exists(f"{directory}/{name}/partition")]
    holders = [f"holders/{name}" for name in entry_names(f"{directory}/holders")]
    for name in (*parts, *holders):
        found = read_text(f"{directory}/{name}/dev")
        if found is not None:
            yield found


def _swaps() -> set[str]:
    """Return the paths of swap devices and files."""
    text = (read_bytes(_SWAPS, _SWAPS_LIMIT_BYTES) or b"").decode("utf-8", "replace")
    return {unescape(line.split()[0]) for line in text.splitlines()[1:] if line.split()}


def swaps_to(path: str) -> bool:
    """Tell whether the host swaps to a file."""
    return path in _swaps()


def _number(path: str) -> str:
    if not path.startswith("/dev/"):
        return ""
    try:
        status = os.stat(path)  # noqa: PTH116 -- cheaper than Path
    except OSError:
        return ""
    return number_text(status.st_rdev) if stat.S_ISBLK(status.st_mode) else ""
