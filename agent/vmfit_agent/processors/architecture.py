"""Which architecture a host has."""

import os
import re

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text, read_word

# What /proc/cpuinfo shows of an architecture: a recording may hold no better file.
_CPUINFO = (
    (re.compile(r"^flags\s*:.*\blm\b", re.MULTILINE), "x86_64"),
    (re.compile(r"^vendor_id\s*: IBM/S390", re.MULTILINE), "s390x"),
    # Old Arm kernels call every processor of this kind architecture 7.
    (re.compile(r"^(?:model name|Processor)\s*: .*\(v6l\)$", re.MULTILINE), "armv6l"),
    (re.compile(r"^CPU architecture\s*: (?:8|AArch64)$", re.MULTILINE), "aarch64"),
    (re.compile(r"^CPU architecture\s*: 7$", re.MULTILINE), "armv7l"),
    (re.compile(r"^CPU architecture\s*: (?:6TEJ|6|5TEJ?)$", re.MULTILINE), "armv6l"),
    (re.compile(r"^isa\s*: rv64", re.MULTILINE), "riscv64"),
    (re.compile(r"^isa\s*: rv32", re.MULTILINE), "riscv32"),
    (re.compile(r"^(?:CPU|cpu) [Ff]amily\s*: Loongson-64", re.MULTILINE), "loongarch64"),
    (re.compile(r"^cpu\s*: (?:POWER|PPC97|Cell)", re.MULTILINE), "ppc64"),
    (re.compile(r"^arch\s*: IA-64", re.MULTILINE), "ia64"),
    (re.compile(r"^type\s*: sun4[uv]", re.MULTILINE), "sparc64"),
    (re.compile(r"^cpu MHz.*^flags\s*:", re.MULTILINE | re.DOTALL), "i686"),
    (re.compile(r"^cpu\s*: .*^revision\s*: .*pvr", re.MULTILINE | re.DOTALL), "ppc"),
)


def machine(host: Host) -> str:
    """Return the kernel's name of the machine ("x86_64", "aarch64"); "" when nothing tells.

    Source: uname(2) of a live host; else /proc/sys/kernel/arch, or what /proc/cpuinfo betrays.
    """
    if host.is_live:
        return os.uname().machine
    recorded = read_word(host, "proc/sys/kernel/arch")
    if recorded is not None:
        return recorded
    text = read_text(host, "proc/cpuinfo") or ""
    # One processor tells, and the last lines that old Arm kernels put after all processors.
    shown = f"{text[:8192]}\n{text[-2048:]}"
    found = next((name for pattern, name in _CPUINFO if pattern.search(shown)), "")
    if found == "ppc64" and "ppc64le" in (read_text(host, "proc/version") or ""):
        return "ppc64le"
    return found


def libvirt_name(name: str) -> str:
    """Return libvirt's name of a machine: "i586" is "i686", "amd64" is "x86_64"."""
    if re.fullmatch(r"i[3-6]86", name):
        return "i686"
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)
