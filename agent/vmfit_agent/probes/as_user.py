"""Runs one call with another user's rights, in a thread that has no other use."""

import ctypes
import os
import platform
import threading
from collections.abc import Callable
from typing import TypeVar

from vmfit_agent.probes.qemu_user import QemuUser
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.process_rights import SETGID, SETUID, drop_in_thread, holds

Result = TypeVar("Result")

# Numbers of setgroups, setresgid and setresuid. glibc's functions change every thread of the
# process; the kernel's calls change the one that makes them.
_GENERIC = (159, 149, 147)
_CALLS = {
    "x86_64": (116, 119, 117),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
    "loongarch64": _GENERIC,
    "ppc64le": (81, 169, 164),
    "s390x": (206, 210, 208),
}


def call_as(user: QemuUser, call: Callable[[], Result]) -> Result:
    """Return what the call returns, or raise the OSError that it raises.

    Raises Unanswerable when this process may not act for that user.
    """
    own = (os.geteuid(), os.getegid())
    if own == (user.user_id, user.group_id):
        return call()
    if not may_act_for_others():
        raise Unanswerable(f"the agent may not act for others, so it cannot try as {user.name}")
    numbers = _CALLS.get(platform.machine())
    if numbers is None:
        raise Unanswerable(f"the agent cannot act as {user.name} on {platform.machine()}")

    results: list[Result] = []
    errors: list[OSError] = []

    def run() -> None:
        try:
            _become(user, numbers)
            results.append(call())
        except OSError as error:
            errors.append(error)

    # The thread ends with the call, and its rights with it.
    thread = threading.Thread(target=run, name=f"as-{user.name}", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def may_act_for_others() -> bool:
    """Return whether this thread may become any user."""
    return holds(SETUID, SETGID)


def _become(user: QemuUser, numbers: tuple[int, int, int]) -> None:
    setgroups, setresgid, setresuid = numbers
    groups = (ctypes.c_uint32 * len(user.groups))(*user.groups)
    _call(setgroups, len(user.groups), groups)
    _call(setresgid, *[user.group_id] * 3)
    _call(setresuid, *[user.user_id] * 3)
    drop_in_thread()


def _call(number: int, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    words = [
        ctypes.c_ulong(argument) if isinstance(argument, int) else argument
        for argument in arguments
    ]
    if library.syscall(ctypes.c_long(number), *words) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
