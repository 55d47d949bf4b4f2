"""The host's time by a clock that nobody sets, and that goes on while the host sleeps."""

import time


def since_boot_seconds() -> float:
    """Return the time since the host's boot. Source: CLOCK_BOOTTIME of clock_gettime(2)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
