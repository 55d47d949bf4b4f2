"""What systemd says of a program's units, and what to do about those that do not run."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmfit_contract.printable import one_line

_SECONDS = 10.0
_PROPERTIES = (
    "Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "ExecMainStatus",
    "NRestarts", "StatusText",
)  # fmt: skip
_BAD_SETTINGS = "3"
"""The exit status that the units take for settings which cannot be used."""
Run = Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class UnitReport:
    """One unit of this host."""

    name: str
    state: str
    """ "ok", "partly" or "missing"."""
    reasons: tuple[str, ...]
    remedies: tuple[str, ...]


def unit_reports(names: Sequence[str], run: Run | None = None) -> list[UnitReport]:
    """Return a report for each unit that is installed, in this order.

    Nothing where systemd does not run. Source: systemctl(1), org.freedesktop.systemd1(5).
    """
    if run is None:
        if not Path("/run/systemd/system").is_dir() or shutil.which("systemctl") is None:
            return []
        run = _run
    words = ["systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", *names]
    blocks = run(words).strip().split("\n\n")
    shown = [
        dict(line.split("=", 1) for line in each.splitlines() if "=" in line) for each in blocks
    ]
    return [
        _report(each, run) for each in shown if each.get("LoadState", "") not in ("", "not-found")
    ]


def _report(shown: dict[str, str], run: Run) -> UnitReport:
    name, active, enabled = (shown.get(key, "") for key in ("Id", "ActiveState", "UnitFileState"))
    status = (shown["StatusText"],) if shown.get("StatusText") else ()
    if shown.get("LoadState") == "masked":
        return UnitReport(name, "missing", ("masked",), (f"systemctl unmask {name}",))
    if shown.get("LoadState") != "loaded":
        reasons = (f"systemd cannot load it: {shown.get('LoadState')}",)
        return UnitReport(name, "missing", reasons, (f"systemctl status {name}",))
    if active in ("active", "reloading") or (active == "activating" and not _fails(shown)):
        if enabled == "disabled":
            reasons = (*status, "not started at boot")
            return UnitReport(name, "partly", reasons, (f"systemctl enable {name}",))
        return UnitReport(name, "ok", status or (active,), ())
    if _fails(shown):
        return _failed(name, shown, run)
    return UnitReport(name, "missing", ("not running",), (f"systemctl enable --now {name}",))


def _fails(shown: dict[str, str]) -> bool:
    is_again = shown.get("SubState") == "auto-restart"
    return is_again or shown.get("Result", "success") != "success"


def _failed(name: str, shown: dict[str, str], run: Run) -> UnitReport:
    status, restarts = shown.get("ExecMainStatus", ""), shown.get("NRestarts", "0")
    reasons = [f"failed: {shown.get('Result')}, exit status {status}, {restarts} restarts"]
    # What its process said last, not what systemd says of it.
    logged = run(["journalctl", "-q", "-b", "-n", "1", "-o", "cat", f"_SYSTEMD_UNIT={name}"])
    if logged.strip():
        reasons.append(one_line(logged))
    first = "mend the settings that it names" if status == _BAD_SETTINGS else "mend what it names"
    remedies = (f"{first} (journalctl -u {name}), then: systemctl restart {name}",)
    return UnitReport(name, "missing", tuple(reasons), remedies)


def _run(words: Sequence[str]) -> str:
    """Return what a program prints; nothing if it does not end, or may not say it."""
    try:
        done = subprocess.run(  # noqa: S603 -- words of this module
            list(words), capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
