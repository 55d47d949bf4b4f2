"""Reads the kernel's files that hold a set of CPUs or nodes."""

from collections.abc import Callable

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.cpu_list import parse_cpu_list, parse_cpu_mask
from vmfit_agent.kernel_files.host_files import read_text


def read_cpu_list(host: Host, path: str) -> list[int] | None:
    """Return the ids of a file such as "0-3,8", ascending; None when there is no such file.

    Raises ValueError, which names the file, when it is malformed.
    """
    return _read(host, path, parse_cpu_list)


def read_cpu_mask(host: Host, path: str) -> list[int] | None:
    """Return the ids of a file such as "00000000,000000ff", likewise."""
    return _read(host, path, parse_cpu_mask)


def _read(host: Host, path: str, parse: Callable[[str], list[int]]) -> list[int] | None:
    text = read_text(host, path)
    # Some kernels print a null pointer for an empty set.
    if text is None or text.strip() in ("", "(null)"):
        return None if text is None else []
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"/{path}: {error}") from None
