"""Exceptions that nobody expected, at a boundary: what the caller and the log are told."""

import errno
import logging
import traceback
from pathlib import Path

from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.printable import one_line
from vmfit_contract.quiet_log import QuietLog
from vmfit_contract.reasons import Cause, Reason

_LOG = logging.getLogger(__name__)
_SAID = QuietLog(_LOG)
_OVERLOADED = Cause(Reason.OVERLOADED, retry_seconds=5)
_USED_UP = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC))


def unexpected(path: str, error: Exception) -> CallFailed:
    """Return the failure that an exception stands for; the log tells it in one line.

    A machine that has no descriptors, memory or room left is no bug of the program.
    """
    if isinstance(error, OSError) and error.errno in _USED_UP:
        kind, told = f"{error.errno}", f"{error.strerror}: ask again later"
        failure = CallFailed(Status.RESOURCE_EXHAUSTED, told, cause=_OVERLOADED)
    elif isinstance(error, MemoryError):
        kind, told = "memory", "out of memory: ask again later"
        failure = CallFailed(Status.RESOURCE_EXHAUSTED, told, cause=_OVERLOADED)
    else:
        told = f"{type(error).__name__}: {one_line(str(error))}"
        kind = f"{type(error).__name__} {_place(error)}"
        failure = CallFailed(Status.INTERNAL, f"internal error: {told}")
    _SAID.tell(f"{path} {kind}", f"{path} failed: {told}{_place(error)}")
    _LOG.debug("%s failed", path, exc_info=error)
    return failure


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
