"""Which architecture a host has."""

import os
import re

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text, read_word

# What /proc/cpuinfo shows of an architecture: a recording may hold no better file.
_CPUINFO = (
    (r"(?m)^flags\s*:.*\blm\b", "x86_64"),
    (r"(?m)^vendor_id\s*: IBM/S390", "s390x"),
    # Old Arm kernels call every processor of this kind architecture 7.
    (r"(?m)^(?:model name|Processor)\s*: .*\(v6l\)$", "armv6l"),
    (r"(?m)^CPU architecture\s*: (?:8|AArch64)$", "aarch64"),
    (r"(?m)^CPU architecture\s*: 7$", "armv7l"),
    (r"(?m)^CPU architecture\s*: (?:6TEJ|6|5TEJ?)$", "armv6l"),
    (r"(?m)^isa\s*: rv64", "riscv64"),
    (r"(?m)^isa\s*: rv32", "riscv32"),
    (r"(?m)^(?:CPU|cpu) [Ff]amily\s*: Loongson-64", "loongarch64"),
    (r"(?m)^cpu\s*: (?:POWER|PPC97|Cell)", "ppc64"),
    (r"(?m)^arch\s*: IA-64", "ia64"),
    (r"(?m)^type\s*: sun4[uv]", "sparc64"),
    (r"(?ms)^cpu MHz.*^flags\s*:", "i686"),
    (r"(?ms)^cpu\s*: .*^revision\s*: .*pvr", "ppc"),
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
    found = next((name for pattern, name in _CPUINFO if re.search(pattern, shown)), "")
    if found == "ppc64" and "ppc64le" in (read_text(host, "proc/version") or ""):
        return "ppc64le"
    return found


def libvirt_name(name: str) -> str:
    """Return libvirt's name of a machine: "i586" is "i686", "amd64" is "x86_64"."""
    if re.fullmatch(r"i[3-6]86", name):
        return "i686"
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)
