"""Software versions as libvirt and kernels write them."""

import re

_KERNEL = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def version_text(number: int) -> str:
    """Return "7.2.0" for libvirt's 7002000."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def version_number(text: str) -> int:
    """Return libvirt's 7002000 for "7.2" or "7.2.0"; ValueError for anything else."""
    parts = [int(each) for each in text.split(".")]
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"{text!r} is not a version")
    major, minor, release = (*parts, 0, 0)[:3]
    return major * 1_000_000 + minor * 1000 + release


def kernel_version(release: str) -> tuple[int, ...]:
    """Return (6, 1, 0) for "6.1.0-18-amd64"; empty when it starts with no version."""
    match = _KERNEL.match(release)
    return tuple(int(each or 0) for each in match.groups()) if match else ()
