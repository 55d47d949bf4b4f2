"""QEMU's loadable modules."""

from itertools import islice

from vmfit_agent.host import Host

_DIRECTORIES = ("usr/lib/*/qemu", "usr/lib64/qemu-kvm", "usr/lib64/qemu", "usr/lib/qemu")
MODULE_FILES = tuple(f"{directory}/*.so" for directory in _DIRECTORIES)
_MOST_FILES = 500


def qemu_modules(host: Host) -> list[str]:
    """Return the names of the files, sorted; none when QEMU is built in one piece.

    Source: QEMU's module directory, as distributions build it.
    """
    found = (path.name for pattern in MODULE_FILES for path in host.root.glob(pattern))
    return sorted(set(islice(found, _MOST_FILES)))
