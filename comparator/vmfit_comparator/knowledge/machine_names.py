"""What the name of a machine type tells."""

import re

# QEMU's own: "pc-q35-7.2", "pc-q35-4.0.1", "s390-ccw-virtio-9.1"; then what has no version.
_UPSTREAM = re.compile(r"[a-z][a-z0-9-]*?-\d+\.\d+(?:\.\d+)?")
_UNVERSIONED = frozenset((
    "pc", "q35", "isapc", "microvm", "xenfv", "xenpv", "virt", "pseries", "s390-ccw-virtio",
    "none", "x-remote",
))  # fmt: skip


def is_of_distribution(name: str) -> bool:
    """Tell whether a machine type is a distribution's own: "pc-i440fx-xenial", "pc-q35-rhel8.2.0".

    What it is made of follows the distribution's packages, not QEMU's versions.
    """
    return bool(name) and name not in _UNVERSIONED and _UPSTREAM.fullmatch(name) is None
