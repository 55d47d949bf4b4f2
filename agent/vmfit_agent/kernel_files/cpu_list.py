"""The kernel's two spellings of a set of CPUs or nodes: "0-3,8" and "00ff,ffffffff"."""

from collections.abc import Iterable

MAXIMUM_ID = 1 << 16
"""Beyond any kernel's NR_CPUS (8192) and MAX_NUMNODES (1024)."""


def parse_cpu_list(text: str) -> list[int]:
    """Return the ids of a list such as "0-3,8", ascending; none for an empty text.

    Raises ValueError for anything else and for ids of 65,536 and more.
    Source: Documentation/admin-guide/cputopology.rst.
    """
    ids: set[int] = set()
    for item in text.strip().split(","):
        if item.strip():
            ids.update(_range(item.strip(), text))
    return sorted(ids)


def _range(item: str, text: str) -> range:
    first, dash, last = item.partition("-")
    if not (
        first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))
    ):
        raise ValueError(f"not a list of CPUs or nodes: {text.strip()[:60]!r}")
    start, end = int(first), int(last or first)
    if start > end or end >= MAXIMUM_ID:
        raise ValueError(f"not a list of CPUs or nodes: {text.strip()[:60]!r}")
    return range(start, end + 1)


def parse_cpu_mask(text: str) -> list[int]:
    """Return the ids of a mask such as "00000000,000000ff", ascending.

    Raises ValueError for anything else.
    Source: Documentation/admin-guide/cputopology.rst.
    """
    words = text.strip().split(",")
    if sum(map(len, words)) > MAXIMUM_ID // 4 or not all(words):
        raise ValueError(f"not a mask of CPUs: {text.strip()[:60]!r}")
    try:
        mask = sum(int(word, 16) << 32 * place for place, word in enumerate(reversed(words)))
    except ValueError:
        raise ValueError(f"not a mask of CPUs: {text.strip()[:60]!r}") from None
    if mask < 0:
        raise ValueError(f"not a mask of CPUs: {text.strip()[:60]!r}")
    return [number for number, bit in enumerate(reversed(f"{mask:b}")) if bit == "1"]


def format_cpu_list(ids: Iterable[int]) -> str:
    """Return the list of the ids as the kernel writes it: "0-3,8"; "" for none."""
    runs: list[list[int]] = []
    for number in sorted(set(ids)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
