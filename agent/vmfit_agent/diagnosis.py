"""What works on this host, how long it takes, why not and what to do."""

import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmfit.v1.host_pb2 import Clock
from vmfit_agent.collected_part import CollectedPart
from vmfit_agent.collection import CollectorRunner
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.probes.qemu_img import QEMU_IMG, qemu_img
from vmfit_contract.installation import installing

if TYPE_CHECKING:
    import psutil

_PROGRAM = "vmfit-agent"

ESSENTIAL_PARTS = frozenset(("identity", "cpu", "memory", "network", "block_devices"))
"""Without these hardly a fact has an answer."""
LIBVIRT_PARTS = frozenset(("hypervisor", "domains"))
"""Essential where libvirt is configured."""

_DEVICES = {
    "dev/cpu/0/cpuid": "modprobe cpuid, and run as root: raw CPUID leaves",
    "dev/kvm": "enable virtualization in the firmware, and modprobe kvm_intel or kvm_amd",
    "run/udev/data": "start systemd-udevd: identities of disks",
    "proc/1/limits": "run as root: other processes' limits",
}
# A virtual environment does not see the distribution's modules.
_LIBVIRT_MODULE = (
    "install python3-libvirt"
    if sys.prefix == sys.base_prefix
    else f"{installing('vmfit-agent', 'libvirt')}; from source it needs libvirt's headers"
)
_REMEDIES = (
    (r"python3-libvirt|libvirt Python module", _LIBVIRT_MODULE),
    (
        r"[Ff]ailed to connect socket|No such file.*libvirt|libvirt does not answer",
        "start libvirtd, or virtqemud.socket and its siblings",
    ),
    (r"authentication|access denied|[Pp]ermission denied.*libvirt", "run as root, or join libvirt"),
    (r"read.?only", "run as root: libvirt answers this on a read-write connection alone"),
    (r"no libvirt URI", "set libvirt_uris in /etc/vmfit/agent.toml, unless that is intended"),
    (r"dev/cpu/\d+/cpuid", "modprobe cpuid, and run as root"),
    (r"dev/cpu/\d+/msr", "modprobe msr, and run as root"),
    (r"[Pp]ermission denied|[Oo]peration not permitted", "run as root"),
    (r"^not synchronised", "start chronyd or systemd-timesyncd"),
    (r"not collected within", "look for a hung mount, device or libvirtd"),
    (r"internal error", "report this as a bug, with the output of -vv"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried."""

    area: str
    """ "part", "libvirt", "device", "program", "process" or "service"."""
    name: str
    state: str
    """ "ok", "partly" or "missing"."""
    is_essential: bool
    seconds: float | None
    reasons: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()


def diagnose(host: Host, collectors: Mapping[str, Collector]) -> Iterator[Check]:
    """Yield a check for every collector, libvirt URI and device, one after the other."""
    runner = CollectorRunner(host, collectors)
    essential = ESSENTIAL_PARTS | (LIBVIRT_PARTS if host.libvirt.uris else frozenset())
    for name in collectors:
        yield _check_part(runner.collect([name])[name], name in essential)
    for uri in host.libvirt.uris:
        yield _check_libvirt(host, uri)
    for path, remedy in _DEVICES.items():
        yield _check_device(host, path, remedy)
    if host.is_live:
        yield _check_disk_probes()
        yield from _running_agents()


def remedies(reasons: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to do about the reasons, each once."""
    found = []
    for reason in reasons:
        remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, reason)), None)
        if remedy and remedy not in found:
            found.append(remedy)
    return tuple(found)


def _check_part(part: CollectedPart, is_essential: bool) -> Check:  # noqa: FBT001
    status = part.status
    reasons = (status.error,) if status.error else (*status.warnings, *_clock_reasons(part))
    state = "missing" if status.error else ("partly" if reasons else "ok")
    seconds = status.duration.ToNanoseconds() / 1e9
    return Check("part", status.name, state, is_essential, seconds, reasons, remedies(reasons))


def _clock_reasons(part: CollectedPart) -> tuple[str, ...]:
    clock = part.message
    if isinstance(clock, Clock) and clock.HasField("synchronised") and not clock.synchronised:
        return ("not synchronised: certificates, and times of other hosts, are judged by it",)
    return ()


def _check_libvirt(host: Host, uri: str) -> Check:
    try:
        connection = host.libvirt.connect(uri)
    except LibvirtUnavailable as error:
        reasons = (str(error),)
        return Check("libvirt", uri, "missing", True, None, reasons, remedies(reasons))  # noqa: FBT003
    if connection.read_only:
        reasons = ("the connection is read-only: no domain capabilities",)
        return Check("libvirt", uri, "partly", True, None, reasons, remedies(reasons))  # noqa: FBT003
    return Check("libvirt", uri, "ok", True, None)  # noqa: FBT003


def _running_agents() -> Iterator[Check]:
    """Yield what every agent process of this host costs at present."""
    import psutil  # noqa: PLC0415 -- dear to import, and only asked for here

    for process in psutil.process_iter(["pid", "cmdline"]):
        words = process.info["cmdline"] or []
        command = next((each for each in ("collect", "serve") if each in words), None)
        if command is None or not any(os.path.basename(each) == _PROGRAM for each in words[:2]):  # noqa: PTH119
            continue
        name = f"{_PROGRAM} {command}, pid {process.info['pid']}"
        try:
            cost = _cost(process)
        except psutil.Error as error:
            reason = type(error).__name__
            yield Check("process", name, "partly", False, None, (reason,), ("run as root",))  # noqa: FBT003
        else:
            yield Check("process", name, "ok", False, None, (cost,))  # noqa: FBT003


def _cost(process: "psutil.Process") -> str:
    with process.oneshot():
        times = process.cpu_times()
        age = time.time() - process.create_time()
        memory = process.memory_full_info()
    share = 100 * (times.user + times.system) / max(age, 1)
    return f"{memory.pss / 2**20:.0f} MiB (PSS), {share:.2f} % of a CPU over {age / 3600:.1f} h"


def _check_device(host: Host, path: str, remedy: str) -> Check:
    place = host.root / path
    if not place.exists():
        return Check("device", f"/{path}", "missing", False, None, ("not there",), (remedy,))  # noqa: FBT003
    if not os.access(place, os.R_OK):
        reasons = ("Permission denied",)
        return Check("device", f"/{path}", "missing", False, None, reasons, remedies(reasons))  # noqa: FBT003
    return Check("device", f"/{path}", "ok", False, None)  # noqa: FBT003


def _check_disk_probes() -> Check:
    path = qemu_img()
    if path is not None:
        return Check("program", path, "ok", False, None)  # noqa: FBT003
    reasons = ("not installed: probes cannot tell whether network disks open here",)
    remedies = ("install qemu-img, of the package qemu-utils or qemu-img",)
    return Check("program", QEMU_IMG, "missing", False, None, reasons, remedies)  # noqa: FBT003
