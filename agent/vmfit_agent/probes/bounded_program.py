"""Runs one program, bounded in time and output."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from vmfit_agent.probes.qemu_user import QemuUser
from vmfit_agent.probes.terms import LOOK_SECONDS

MAX_OUTPUT_BYTES = 64 * 1024
"""Of each stream; more is read and dropped."""
_CHUNK_BYTES = 8192
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/"}


@dataclass(frozen=True, slots=True)
class Ended:
    """What a program left."""

    status: int
    """The exit status, or minus the signal that ended it."""
    output: bytes
    errors: bytes


def run_program(
    command: Sequence[str],
    user: QemuUser | None,
    seconds: float,
    is_gone: Callable[[], bool] = lambda: False,
) -> Ended:
    """Run a program to its end: no shell, no input, a clean environment; as `user` if given.

    It and what it started are killed when the time is over, or when `is_gone` says that nobody
    waits any more: TimeoutError. Raises OSError when it cannot be started.
    """
    give_up_at = time.monotonic() + seconds
    with subprocess.Popen(  # noqa: S603 -- a list of our own making
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env=_ENVIRONMENT,
        start_new_session=True,
        user=user.user_id if user else None,
        group=user.group_id if user else None,
        extra_groups=user.groups if user else None,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            output, errors = _read(process.stdout, process.stderr, give_up_at, is_gone)
            status = process.wait(max(give_up_at - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            _kill(process)
    return Ended(status, output, errors)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _read(
    output: IO[bytes], errors: IO[bytes], give_up_at: float, is_gone: Callable[[], bool]
) -> tuple[bytes, bytes]:
    kept = {output.fileno(): bytearray(), errors.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in (output, errors):
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = give_up_at - time.monotonic()
            if left <= 0 or is_gone():
                raise TimeoutError
            for key, _ in selector.select(min(left, LOOK_SECONDS)):
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fileobj)
                kept[key.fd] += chunk[: MAX_OUTPUT_BYTES - len(kept[key.fd])]
    return bytes(kept[output.fileno()]), bytes(kept[errors.fileno()])
