"""The host's clock."""

import os
import struct
import time

from vmfit.v1.host_pb2 import Clock
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text, read_word
from vmfit_agent.kernel_files.processes import TIME_DAEMONS, find_processes

FILES = (
    "proc/*/comm",
    "proc/*/status",
    "proc/uptime",
    "etc/timezone",
    "etc/localtime",
    "sys/devices/system/clocksource/clocksource0/current_clocksource",
)

# struct timex: modes, offset, freq, maxerror, esterror, status.
_TIMEX = struct.Struct("@I4li")
_TIMEX_BYTES = 512
_STA_PLL, _STA_UNSYNC, _STA_NANO = 0x1, 0x40, 0x2000
_TIME_ERROR = 5


def collect(host: Host) -> Clock:
    """Return the clock; of a recorded host only what files tell.

    Source: adjtimex(2), /proc, /sys/devices/system/clocksource.
    """
    clock = Clock(
        clock_source=read_word(
            host, "sys/devices/system/clocksource/clocksource0/current_clocksource"
        ),
        time_zone=_time_zone(host),
    )
    found = find_processes(host, TIME_DAEMONS)
    daemon = next((name for name in TIME_DAEMONS if name in found), None)
    if daemon is not None:
        clock.daemon = daemon
    uptime = (read_text(host, "proc/uptime") or "").partition(".")[0]
    if uptime.isdigit() and len(uptime) < 19:
        clock.uptime_seconds = int(uptime)
    if host.is_live:
        _ask_kernel(host, clock)
        clock.wall_clock.FromNanoseconds(time.time_ns())
    return clock


def _ask_kernel(host: Host, clock: Clock) -> None:
    import ctypes  # noqa: PLC0415 -- a megabyte that replaying a host does not need

    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    if state < 0:
        host.warn(f"adjtimex: {os.strerror(ctypes.get_errno())}")
        return
    fill_from_timex(clock, state, buffer.raw)


def fill_from_timex(clock: Clock, state: int, timex: bytes) -> None:
    """Set what adjtimex(2) answers: its result and its struct timex."""
    _, offset, _, maximum_error, estimated_error, status = _TIMEX.unpack_from(timex)
    clock.synchronised = state != _TIME_ERROR and not status & _STA_UNSYNC
    clock.maximum_error_seconds = maximum_error / 1e6
    clock.estimated_error_seconds = estimated_error / 1e6
    # Without the kernel's loop (chronyd steers without it) the offset is a meaningless zero.
    if status & _STA_PLL and clock.synchronised and clock.HasField("daemon"):
        # What the kernel still has to add: the clock is behind by it.
        clock.offset_seconds = -offset / (1e9 if status & _STA_NANO else 1e6)


def _time_zone(host: Host) -> str | None:
    try:
        link = str((host.root / "etc/localtime").readlink())
    except OSError:
        link = ""
    _, found, zone = link.partition("zoneinfo/")
    if found:
        return zone.removeprefix("posix/").removeprefix("right/") or None
    return read_word(host, "etc/timezone")
