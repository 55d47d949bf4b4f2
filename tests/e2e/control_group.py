"""Control groups of the machine that limit what one host of the lab may use."""

import time
from pathlib import Path

_CONTROL_GROUPS = Path("/sys/fs/cgroup")


def make_group(name: str, limit: str, value: str) -> Path:
    """Make a control group with one limit, in version 1 or 2 of the kernel's interface."""
    controller, old_file, new_file = {
        "memory": ("memory", "memory.limit_in_bytes", "memory.max"),
        "cpus": ("cpuset", "cpuset.cpus", "cpuset.cpus"),
    }[limit]
    old = _CONTROL_GROUPS / controller
    group = (old if old.is_dir() else _CONTROL_GROUPS) / name
    group.mkdir(exist_ok=True)
    (group / (old_file if old.is_dir() else new_file)).write_text(value)
    if old.is_dir() and limit == "cpus":
        (group / "cpuset.mems").write_text("0")
    return group


def remove_group(group: Path) -> None:
    """Remove a group once its processes have gone."""
    for _ in range(50):
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError:  # its last processes are not gone yet
            time.sleep(0.1)
