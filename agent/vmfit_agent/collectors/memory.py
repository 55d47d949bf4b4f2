"""The host's memory as a whole."""

import os
import re

from vmfit.v1.host_pb2 import Ksm, Memory, Pressure
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.guest_cgroup import read_guest_cgroup
from vmfit_agent.kernel_files.host_files import read_count, read_text
from vmfit_agent.kernel_files.huge_pages import read_huge_pages
from vmfit_agent.kernel_files.meminfo import parse_meminfo
from vmfit_agent.ledger.standing_leases import read_standing
from vmfit_agent.processors.architecture import machine

FILES = (
    "proc/meminfo",
    "proc/pressure/memory",
    "proc/sys/vm/overcommit_memory",
    "proc/sys/vm/overcommit_ratio",
    "proc/*/comm",
    "proc/*/status",
    "proc/*/cgroup",
    "run/libvirtd.pid",
    "run/virtqemud.pid",
    "run/systemd/system",
    "sys/kernel/mm/transparent_hugepage/enabled",
    "sys/kernel/mm/ksm/*",
    "sys/kernel/mm/hugepages/hugepages-*/*",
    "sys/fs/cgroup/memory.*",
    "sys/fs/cgroup/cgroup.procs",
    "sys/fs/cgroup/machine.slice/memory.*",
    "sys/fs/cgroup/machine.slice/cgroup.procs",
    "sys/fs/cgroup/memory/memory.*",
    "sys/fs/cgroup/memory/cgroup.procs",
    "sys/fs/cgroup/memory/machine.slice/memory.*",
    "sys/fs/cgroup/memory/machine.slice/cgroup.procs",
)
_SIZES = (
    ("MemTotal", "total_bytes"),
    ("MemFree", "free_bytes"),
    ("MemAvailable", "available_bytes"),
    ("SwapTotal", "swap_total_bytes"),
    ("SwapFree", "swap_free_bytes"),
    ("CommitLimit", "commit_limit_bytes"),
    ("Committed_AS", "committed_bytes"),
    ("Hugepagesize", "default_huge_page_bytes"),
)
_AVERAGES = re.compile(
    r"^(some|full) avg10=(\d+\.\d+) avg60=(\d+\.\d+) avg300=(\d+\.\d+)", re.MULTILINE
)
_SMALL_PAGES = frozenset({"x86_64", "i686", "s390x", "riscv64"})
_CHOSEN = re.compile(r"\[(\w+)\]")


def collect(host: Host) -> Memory:
    """Return the memory; fields that the kernel does not give are absent.

    Raises ValueError when there is no /proc/meminfo.
    Source: Documentation/filesystems/proc.rst; Documentation/admin-guide/mm.
    """
    # Before what is free is read: what a guest takes in between counts twice, and never not at all.
    memory = Memory(leases=read_standing(host))
    memory.huge_pages.extend(read_huge_pages(host, "sys/kernel/mm/hugepages", whole_host=True))
    text = read_text(host, "proc/meminfo")
    if text is None:
        raise ValueError("/proc/meminfo cannot be read")
    sizes = parse_meminfo(text)
    for name, field in _SIZES:
        if name in sizes:
            setattr(memory, field, sizes[name])
    for name, field in (
        ("overcommit_memory", "overcommit_mode"),
        ("overcommit_ratio", "overcommit_ratio_percent"),
    ):
        number = read_count(host, f"proc/sys/vm/{name}")
        if number is not None and number < 1 << 32:
            setattr(memory, field, number)
    enabled = _CHOSEN.search(read_text(host, "sys/kernel/mm/transparent_hugepage/enabled") or "")
    if enabled:
        memory.transparent_huge_pages = enabled[1]
    _add_messages(host, memory)
    return memory


def _add_messages(host: Host, memory: Memory) -> None:
    pressure = _pressure(read_text(host, "proc/pressure/memory") or "")
    if pressure is not None:
        memory.pressure.CopyFrom(pressure)
    ksm = _ksm(host)
    if ksm is not None:
        memory.ksm.CopyFrom(ksm)
    group = read_guest_cgroup(host)
    if group is not None:
        memory.guest_cgroup.CopyFrom(group)


def _pressure(text: str) -> Pressure | None:
    pressure = Pressure()
    lines = _AVERAGES.findall(text)
    for kind, *averages in lines:
        for seconds, average in zip((10, 60, 300), averages, strict=True):
            setattr(pressure, f"{kind}_percent_{seconds}_seconds", float(average))
    return pressure if lines else None


def _ksm(host: Host) -> Ksm | None:
    run, shared, sharing = (
        read_count(host, f"sys/kernel/mm/ksm/{name}")
        for name in ("run", "pages_shared", "pages_sharing")
    )
    if run is None or shared is None or sharing is None:
        return None
    page_bytes = _page_bytes(host)
    if page_bytes is None:
        host.warn("/sys/kernel/mm/ksm: the page size is not known")
        return None
    return Ksm(
        running=run == 1, shared_bytes=shared * page_bytes, sharing_bytes=sharing * page_bytes
    )


# No file tells the page size; on some architectures it is the kernel's choice.
def _page_bytes(host: Host) -> int | None:
    if host.is_live:
        return os.sysconf("SC_PAGE_SIZE")
    return 4096 if machine(host) in _SMALL_PAGES else None
