"""Versions of programs that libvirt starts beside the hypervisor, without starting them."""

import re
import zlib
from pathlib import Path

from vmfit_agent.host import Host

PACKAGE_FILES = (
    "usr/share/doc/swtpm/changelog.Debian.gz",
    "usr/share/doc/virtiofsd/changelog.Debian.gz",
)
"""What a recording keeps: the newest entry's version stands in the first line."""

_CHANGELOG_VERSION = re.compile(rb"[a-z0-9+.-]+ \((?:\d+:)?([0-9][0-9A-Za-z.+~]*)")
_FIRST_LINE_BYTES = 256


def swtpm_version(host: Host) -> str | None:
    """Return swtpm's version, "" when it cannot be told; None when not installed.

    Source: the distribution's changelog of the package.
    """
    return _version(host, ("usr/bin/swtpm",), ("swtpm",))


def virtiofsd_version(host: Host) -> str | None:
    """Return virtiofsd's version, "" when it cannot be told; None when not installed.

    The one that QEMU shipped until 8.0 has QEMU's version.
    """
    programs = ("usr/libexec/virtiofsd", "usr/lib/qemu/virtiofsd")
    return _version(host, programs, ("virtiofsd", "qemu-system-common"))


def _version(host: Host, programs: tuple[str, ...], packages: tuple[str, ...]) -> str | None:
    installed = any((host.root / program).is_file() for program in programs)
    for package in packages:
        version = _changelog_version(host.root / f"usr/share/doc/{package}/changelog.Debian.gz")
        # A recording keeps the changelog alone; a live host may keep one of a removed program.
        if version and (installed or not host.is_live):
            return version
    return "" if installed else None


def _changelog_version(path: Path) -> str | None:
    import gzip  # noqa: PLC0415 -- few snapshots come to this

    try:
        with gzip.open(path) as changelog:
            match = _CHANGELOG_VERSION.match(changelog.read(_FIRST_LINE_BYTES))
    except (OSError, EOFError, zlib.error):
        return None
    return match[1].decode() if match else None
