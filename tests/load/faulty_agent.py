"""`vmfit-agent` on this very host, with collectors that fail in every way that they can."""

import os
import signal
import time
from pathlib import Path

from vmfit_agent import local_host
from vmfit_agent.cli import main
from vmfit_agent.collectors import COLLECTORS, Collector

SLEEPS_BEYOND_SECONDS = 0.5
_CHUNK_BYTES = 64 << 20
KILLED = "VMFIT_TEST_KILLED"
"""Where it is set, the process is killed now and then, by a count in the file that it names."""
_KILLED_EACH = 5


def _raise(_):
    raise OSError(5, "Input/output error", "/sys/faulty")


def _have_a_bug(_):
    return {}["faulty"]


def _sleep(_):
    time.sleep(3600)


def _eat_memory(_):
    held = []
    while True:
        held.append(bytes(_CHUNK_BYTES))


def _kill(_):
    """Write down that it ran; kill the whole process now and then."""
    path = Path(os.environ[KILLED])
    with path.open("ab") as file:
        file.write(b".")
        count = file.tell()
    if count % _KILLED_EACH == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    raise ValueError("not killed this time")


FAULTY = {
    "usb": (_raise, "Input/output error"),
    "pci": (_have_a_bug, "internal error: KeyError"),
    "iscsi": (_sleep, f"not collected within {SLEEPS_BEYOND_SECONDS:g} s"),
    "security": (_eat_memory, "internal error: MemoryError"),
}
"""Parts, how each is collected, and what is said of it."""


def faulty_collectors():
    """Return all collectors, some of them faulty."""
    faults = {name: collect for name, (collect, _) in FAULTY.items()}
    if KILLED in os.environ:
        faults["attributes"] = _kill
    made = {name: Collector(collect, None) for name, collect in faults.items()}
    made["iscsi"] = made["iscsi"]._replace(deadline_seconds=SLEEPS_BEYOND_SECONDS)
    return {**COLLECTORS, **made}


def run():
    """Run the command with these collectors."""
    local_host.COLLECTORS = faulty_collectors()
    main()
