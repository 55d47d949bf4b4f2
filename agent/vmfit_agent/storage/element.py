"""What an element of a definition can be on the host."""

from typing import NamedTuple


class Element(NamedTuple):
    """Which things are told of at an element's path, even where nothing is told of files."""

    kinds: frozenset[str] = frozenset(("block",))
    """Kinds of files as HostPath has them, "program" for a file that somebody may execute, "shared
    memory" for one in /dev/shm."""
    may_be_file: bool = False
    """It may be an ordinary file as well: where nothing is told of files, its absence is not."""
    is_made: bool = False
    """QEMU or libvirt makes it: its directory counts."""


IMAGE = Element(may_be_file=True)
"""A disk, firmware, ROM, or another file that QEMU reads."""
MEMORY = Element(frozenset(("block", "character")), may_be_file=True)
"""What is behind an NVDIMM."""
PROGRAM = Element(frozenset(("program",)))
SOCKET = Element(frozenset(("socket",)))
DEVICE = Element(frozenset(("character", "block")))
DEVICE_OR_SOCKET = Element(frozenset(("character", "block", "socket")))
PIPE = Element(frozenset(("fifo",)))
DIRECTORY = Element(frozenset(("directory",)))
SHARED_MEMORY = Element(frozenset(("shared memory",)))
MADE = Element(frozenset(("directory", "socket")), is_made=True)
"""A log, a file for a guest's output, a listening socket: all that counts is where it will be."""
