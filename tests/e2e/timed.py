"""Migrations that are measured: what the guest does, how it migrates, and for which half it counts.

They stand in times.yaml; what became of them is kept in times.json.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

_LIST = Path(__file__).parent / "times.yaml"
OUTCOMES = Path(__file__).parent / "times.json"


@dataclass(frozen=True)
class Timed:
    """One migration that is measured."""

    line: str
    memory_mib: int
    filled_mib: int
    """Written once, before the migration."""
    busy_mib: int
    """Written to while it migrates."""
    pace_pages: int
    """At each tick; 0 for as fast as it can."""
    options: tuple[str, ...]
    downtime_ms: int = 0
    """0 for the default."""
    disk_mib: int = 0

    @property
    def for_fitting(self) -> bool:
        """Whether constants are fitted on it; the other half only tests them."""
        return is_for_fitting(self.line)


def is_for_fitting(line: str) -> bool:
    """Tell which half a migration belongs to: by its digest, so that nobody chooses."""
    return hashlib.sha256(line.encode()).digest()[0] % 2 == 0


def load() -> list[Timed]:
    """Read all, in their order."""
    return [_parsed(each) for each in yaml.safe_load(_LIST.read_text())["migrations"]]


def _parsed(line: str) -> Timed:
    memory, filled, busy, pace, *words = line.split()
    options = [] if "not-live" in words else ["--live"]
    values = {"downtime": 0, "disk": 0}
    for word in words:
        if told := re.fullmatch(r"(downtime|disk)=(\d+)", word):
            values[told[1]] = int(told[2])
        elif word != "not-live":
            options.append(word)
    if values["disk"]:
        options += ["--copy-storage-all", "--migrate-disks", "vdb"]
    return Timed(
        line,
        *(int(each) for each in (memory, filled, busy, pace)),
        options=tuple(options),
        downtime_ms=values["downtime"],
        disk_mib=values["disk"],
    )
