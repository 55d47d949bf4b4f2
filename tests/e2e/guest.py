"""The lab's guest: a boot sector that works on its disk and tells in its memory how it goes.

At every timer tick it counts, reads the mark in sector 1, writes the count to sector 2 and reads
one more sector that sector 1 names; `virsh qemu-monitor-command --hmp xp` shows from outside what
came of it. So a guest that "migrated", but no longer has its disk, is seen.
"""

import re
import time
from dataclasses import dataclass

from lab import Host

# 16-bit code at 0x7c00; a status block at 0x600; sectors are read to 0x8000.
_CODE = bytes.fromhex(
    # registers, stack, the BIOS's drive number; the status block is cleared
    "31c08ed88ec08ed0bc0070 8816fd7d bf0006b91300fcf3ab"
    # turn: count at 0x600; read sector 1, status to 0x604, its first 8 bytes to 0x608
    "66ff060006 66bb01000000b442e8d800a30406 be0080bf0806b90400f3a5"
    # keep the pace (at +16), the far sector (at +12) and "busy" (at +8) ...
    "ff361080 66ff360c80 ff360880"
    # ... write the count to sector 2, status to 0x606
    "66a1000666a30080 66bb02000000b443e8aa00a30606"
    # read the far sector, status to 0x61c; the pace to 0x624
    "5d665bb442e89f00 8f062406a31c06"
    # CPUID 7 EBX to 0x610, CPUID 1 ECX and EDX to 0x614 and 0x618
    "66b8070000006631c90fa266891e1006 66b8010000000fa266890e14066689161806"
    # wait for the next tick, or (busy, without a pace) go on at once after ...
    "fb833e2406007504 85ed7507 f485ed0f847bff"
    # ... reaching beyond 1 MiB, by a descriptor that protected mode leaves in fs, ...
    "fa0f0116367d0f20c00c010f22c0ba08008ee224fe0f22c0"
    # ... going on from the page at 0x620 by the pace, or through all pages of so many MiB, ...
    "660fb7c566c1e008668b3e2006 660fb70e24066685c975036689c1"
    "67668d140f6639c272036631d26689162006 66c1e70c6681c700001000"
    # ... and counting up a word in each
    "646766ff076681c700100000664975f0e918ff"
    # disk: sector ebx, function ah (BIOS 13h) with the packet below; returns ax = failed
    "b00066891e1e7d8a16fd7dbe167dcd13b800001400c3 10000100008000000000000000000000"
    # descriptor table
    "0000000000000000ffff00000092cf00 0f00267d0000"
)
SECTOR = 512
MARK = "ASHWOOD1"
_COUNTER_WRAP = 1 << 31


def disk_image(*, mark: str = MARK, mib: int = 2, far_sector: int = 3, **writes: int) -> bytes:
    """Return a raw disk image that boots the guest; `mark` tells disks apart.

    `writes` are what `parameters` takes beside them.
    """
    boot = _CODE.ljust(SECTOR - 2, b"\0") + b"\x55\xaa"
    return (boot + parameters(mark=mark, far_sector=far_sector, **writes)).ljust(mib << 20, b"\0")


def parameters(
    *, mark: str = MARK, far_sector: int = 3, busy_mib: int = 0, pace_pages: int = 0
) -> bytes:
    """Return sector 1, which the guest reads at each turn, so it may be changed while it runs.

    With `busy_mib` it does not wait for ticks but writes to so much of its memory over and over;
    with `pace_pages`, too, it goes through that memory by so many pages at each tick (18.2 Hz).
    """
    words = (busy_mib, far_sector, pace_pages)
    told = mark.encode().ljust(8, b".")[:8] + b"".join(each.to_bytes(4, "little") for each in words)
    return told.ljust(SECTOR, b"\0")


@dataclass(frozen=True)
class Pulse:
    """What the guest tells of itself at one time."""

    counter: int
    disk_failed: bool
    mark: str
    cpuid: tuple[int, int, int]


@dataclass(frozen=True)
class Health:
    """How a guest does."""

    state: str
    """What `virsh domstate` says."""
    pulse: Pulse | None
    """Absent when its memory could not be read."""
    advancing: bool

    def trouble(self, mark: str = MARK) -> str:
        """Return what is wrong with the guest; empty when nothing is."""
        if not self.state.startswith("running"):
            return f"it is {self.state}"
        if self.pulse is None:
            return "its memory cannot be read"
        if not self.advancing:
            return "it stands still"
        if self.pulse.disk_failed:
            return "its disk fails"
        if self.pulse.mark != mark:
            return f"its disk is another one: {self.pulse.mark!r} instead of {mark!r}"
        return ""


def read_pulse(host: Host, domain: str) -> Pulse | None:
    """Read the guest's status block; None when that does not work."""
    told = host.run(f"virsh -q qemu-monitor-command {domain} --hmp 'xp /8wx 0x600'", check=False)
    words = [int(each, 16) for each in re.findall(r"\b0x([0-9a-f]{8})\b", told.stdout)]
    if len(words) != 8:
        return None
    mark = b"".join(word.to_bytes(4, "little") for word in words[2:4])
    return Pulse(
        counter=words[0],
        disk_failed=bool(words[1] or words[7] & 0xFFFF),
        mark=mark.decode("latin1"),
        cpuid=(words[4], words[5], words[6]),
    )


def wait_until_alive(host: Host, domain: str, *, boots: bool = True, seconds: float = 20) -> bool:
    """Wait until the guest counts; a guest without our boot sector has only to run."""
    until = time.monotonic() + seconds
    while boots and time.monotonic() < until:
        pulse = read_pulse(host, domain)
        if pulse and 2 < pulse.counter < _COUNTER_WRAP:
            return True
        time.sleep(0.2)
    return not boots


def examine(host: Host, domain: str) -> Health:
    """Look at the guest for a moment."""
    state = host.run(f"virsh -q domstate --reason {domain}", check=False)
    first = read_pulse(host, domain)
    for _ in range(15):
        time.sleep(0.2)
        last = read_pulse(host, domain)
        if first and last and last.counter > first.counter + 1:
            break
    return Health(
        state=(state.stdout or state.stderr).strip(),
        pulse=last,
        advancing=bool(first and last and last.counter > first.counter),
    )
