"""Reads a CPU's CPUID leaves: from /dev/cpu/N/cpuid, or from the text that a recording holds."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping

Registers = tuple[int, int, int, int]
"""EAX, EBX, ECX, EDX."""
Leaves = Mapping[tuple[int, int], Registers]
"""By leaf and subleaf, ascending."""
Query = Callable[[int, int], Registers]
"""Asks a processor for one leaf and subleaf."""

_MAXIMUM_LEAVES = 0x100
"""Per range; more is not believed."""
_MAXIMUM_SUBLEAVES = 64
_MAXIMUM_TEXT = 1 << 20
_LINE = re.compile(
    r"^\s*(?:CPUID\s+)?(0x[0-9a-f]{8}) (0x[0-9a-f]{1,8}): "
    r"eax=(0x[0-9a-f]{8}) ebx=(0x[0-9a-f]{8}) ecx=(0x[0-9a-f]{8}) edx=(0x[0-9a-f]{8})\s*$"
)
_HYPERVISOR_BIT = 1 << 31

# Subleaf 0's EAX is the highest subleaf.
_COUNTED = frozenset({0x7, 0x14, 0x17, 0x18, 0x1D, 0x20, 0x24})


def read(path: str) -> Leaves:
    """Return all leaves of one CPU; `path` is its device, or a text file of a recording.

    Raises OSError when it cannot be read, ValueError when the text is not what `dump_text` writes.
    Source: /dev/cpu/N/cpuid (cpuid(4)).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if stat.S_ISCHR(os.fstat(descriptor).st_mode):
            return enumerate_leaves(lambda leaf, subleaf: _ask(descriptor, leaf, subleaf))
        content = os.read(descriptor, _MAXIMUM_TEXT)
    finally:
        os.close(descriptor)
    try:
        return parse_text(content.decode(errors="replace"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _ask(descriptor: int, leaf: int, subleaf: int) -> Registers:
    content = os.pread(descriptor, 16, subleaf << 32 | leaf)
    if len(content) != 16:
        raise OSError(f"CPUID {leaf:#x}: {len(content)} bytes instead of 16")
    words = memoryview(content).cast("I")
    return words[0], words[1], words[2], words[3]


def enumerate_leaves(query: Query) -> Leaves:
    """Return what a processor answers for all leaves and subleaves that it says it has.

    Source: Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E.
    """
    leaves: dict[tuple[int, int], Registers] = {}
    for first in (0, 0x40000000, 0x80000000, 0xC0000000):
        if first == 0x40000000 and not leaves.get((1, 0), (0, 0, 0, 0))[2] & _HYPERVISOR_BIT:
            continue
        # Only VIA and Zhaoxin have the last range; others answer it with other leaves' content.
        if first == 0xC0000000 and vendor(leaves) not in {"CentaurHauls", "  Shanghai  "}:
            continue
        highest = query(first, 0)[0]
        # KVM before Linux 2.6.38 says 0 for its own 0x40000001.
        if first == 0x40000000 and highest == 0:
            highest = 0x40000001
        for leaf in range(first, min(highest, first + _MAXIMUM_LEAVES - 1) + 1):
            for subleaf, registers in _subleaves(leaf, query):
                leaves[leaf, subleaf] = registers
    return leaves


def _subleaves(leaf: int, query: Query) -> Iterator[tuple[int, Registers]]:
    first = query(leaf, 0)
    yield 0, first
    for subleaf in _further_subleaves(leaf, first, query):
        registers = query(leaf, subleaf)
        if _is_terminator(leaf, subleaf, registers):
            return
        yield subleaf, registers


def _further_subleaves(leaf: int, first: Registers, query: Query) -> list[int]:
    eax, ebx, _, edx = first
    if leaf in _COUNTED:
        return list(range(1, min(eax, _MAXIMUM_SUBLEAVES - 1) + 1))
    if leaf == 0xD:
        features = query(0xD, 1)
        mask = eax | edx << 32 | features[2] | features[3] << 32
        return [1, *(bit for bit in range(2, 63) if mask >> bit & 1)]
    if leaf == 0xF:
        return _set_bits(edx)
    if leaf in {0x10, 0x80000020}:
        return _set_bits(ebx)
    if leaf == 0x23:
        return _set_bits(eax)
    if leaf == 0x1E:
        return list(range(1, min(eax, 8) + 1))
    if leaf in {0x4, 0xB, 0x12, 0x1B, 0x1F, 0x8000001D, 0x80000026}:
        return [] if _is_terminator(leaf, 0, first) else list(range(1, _MAXIMUM_SUBLEAVES))
    return []


def _set_bits(mask: int) -> list[int]:
    return [bit for bit in range(1, 32) if mask >> bit & 1]


def _is_terminator(leaf: int, subleaf: int, registers: Registers) -> bool:
    eax, _, ecx, _ = registers
    if leaf in {0x4, 0x8000001D}:
        return not eax & 0x1F
    if leaf in {0xB, 0x1F, 0x80000026}:
        return not ecx & 0xFF00
    if leaf == 0x12:
        return subleaf >= 2 and not eax & 0xF
    return leaf == 0x1B and not eax & 0xFFF


def vendor(leaves: Leaves) -> str:
    """Return the twelve letters of leaf 0, such as "GenuineIntel"; "" without leaf 0."""
    _, ebx, ecx, edx = leaves.get((0, 0), (0, 0, 0, 0))
    letters = b"".join(word.to_bytes(4, "little") for word in (ebx, edx, ecx))
    return letters.decode("latin-1").strip("\0")


def parse_text(text: str) -> Leaves:
    """Return the leaves of the first CPU of a text in the style of `cpuid -r`.

    Raises ValueError for a line that is no leaf, naming it, and for a text without any.
    """
    leaves: dict[tuple[int, int], Registers] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if line.startswith("CPU") and line.rstrip().endswith(":"):
            if leaves:
                break
            continue
        match = _LINE.match(line)
        if match is None:
            raise ValueError(f"line {number} is no CPUID leaf: {line.strip()[:60]!r}")
        leaf, subleaf, eax, ebx, ecx, edx = (int(word, 16) for word in match.groups())
        leaves[leaf, subleaf] = (eax, ebx, ecx, edx)
    if not leaves:
        raise ValueError("no CPUID leaves")
    return dict(sorted(leaves.items()))


def format_text(leaves: Leaves) -> str:
    """Return the leaves in the style of `cpuid -r`, one per line."""
    return "".join(
        f"   {leaf:#010x} {subleaf:#04x}: eax={eax:#010x} ebx={ebx:#010x} "
        f"ecx={ecx:#010x} edx={edx:#010x}\n"
        for (leaf, subleaf), (eax, ebx, ecx, edx) in leaves.items()
    )


def dump_text(path: str) -> str:
    """Return what a recording keeps in place of the device `path`: text that `read` reads.

    Raises OSError when the device cannot be read.
    """
    return format_text(read(path))
