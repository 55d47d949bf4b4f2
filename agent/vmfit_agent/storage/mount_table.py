"""The host's table of mounts."""

import functools
from pathlib import Path

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text
from vmfit_agent.storage.mountinfo import MountEntry, parse_mountinfo

OWN_TABLE = "proc/self/mountinfo"
_INITS = "proc/1/mountinfo"


@functools.cache
def mount_table(root: Path) -> str:
    """Return the path, below the root, of the table of mounts that the host's guests see.

    That is the first process's: a service may run where systemd has made parts of the tree
    read-only. The own one where the first process has another tree, as beside a container, and in
    a recording. Source: proc(5), systemd.exec(5).
    """
    own, inits = _roots(root / OWN_TABLE), _roots(root / _INITS)
    return _INITS if own and own == inits else OWN_TABLE


def read_mounts(host: Host) -> list[MountEntry]:
    """Return the mount table. Raises OSError when there is none, ValueError when malformed."""
    path = mount_table(host.root) if host.is_live else OWN_TABLE
    text = read_text(host, path)
    if text is None:
        raise FileNotFoundError(f"/{path}: cannot be read")
    return parse_mountinfo(text)


def _roots(table: Path) -> list[tuple[str, str]]:
    """Return device number and directory of what is mounted at "/"; empty when nobody says."""
    try:
        with table.open(errors="replace") as lines:
            mounts = [line.split(" ", 5) for line in lines]
    except OSError:
        return []
    return [(mount[2], mount[3]) for mount in mounts if len(mount) > 4 and mount[4] == "/"]
