"""UNIX sockets at which programs of this network namespace listen."""

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text

# __SO_ACCEPTCON of linux/net.h.
_LISTENS = 0x10000
_FIELDS_BEFORE_PATH = 7


def listening_paths(host: Host) -> frozenset[str] | None:
    """Return the paths by which listening sockets were bound; None when the kernel lists none.

    Source: /proc/net/unix.
    """
    text = read_text(host, "proc/net/unix")
    if text is None:
        return None
    found = set()
    for line in text.splitlines()[1:]:
        fields = line.split(None, _FIELDS_BEFORE_PATH)
        if len(fields) > _FIELDS_BEFORE_PATH and _listens(fields[3]):
            found.add(fields[_FIELDS_BEFORE_PATH])
    return frozenset(found)


def _listens(flags: str) -> bool:
    try:
        return bool(int(flags, 16) & _LISTENS)
    except ValueError:
        return False
