"""Reads the feature MSRs of one CPU: from /dev/cpu/N/msr, or from the text of a recording."""

import os
import re
import stat
from collections.abc import Iterable, Mapping

from vmfit_contract.cpu_features import FEATURE_MSRS

_LINE = re.compile(r"^\s*(0x[0-9a-f]{1,8}) (0x[0-9a-f]{1,16})\s*$")


def read(path: str, indexes: Iterable[int] = FEATURE_MSRS) -> Mapping[int, int]:
    """Return the registers' values by index; registers that the processor lacks are left out.

    Raises OSError when `path` cannot be opened, ValueError when a recording's text is malformed.
    Source: /dev/cpu/N/msr (msr(4)).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
            return _parse(os.read(descriptor, 65536).decode(errors="replace"), path)
        values = {index: _ask(descriptor, index) for index in indexes}
    finally:
        os.close(descriptor)
    return {index: value for index, value in values.items() if value is not None}


# A register that the processor does not have faults: EIO.
def _ask(descriptor: int, index: int) -> int | None:
    try:
        content = os.pread(descriptor, 8, index)
    except OSError:
        return None
    return int.from_bytes(content, "little") if len(content) == 8 else None


def _parse(text: str, path: str) -> Mapping[int, int]:
    values = {}
    for line in filter(str.strip, text.splitlines()):
        match = _LINE.match(line)
        if match is None:
            raise ValueError(f"{path}: not a register and its value: {line.strip()[:60]!r}")
        values[int(match[1], 16)] = int(match[2], 16)
    return values


def dump_text(path: str) -> str:
    """Return what a recording keeps in place of the device `path`: text that `read` reads.

    Raises OSError when the device cannot be opened.
    """
    return "".join(f"{index:#010x} {value:#018x}\n" for index, value in read(path).items())
