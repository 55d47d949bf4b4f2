"""How a call ends without an answer: the status, its details, and a line in the log."""

import errno
import logging
import traceback
from pathlib import Path

import grpc

from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.errors import one_line, status_of
from vmfit_contract.quiet_log import QuietLog
from vmfit_contract.serving.context import Context

_LOG = logging.getLogger(__name__)
_SAID = QuietLog(_LOG)
_DETAILS_KEY = "grpc-status-details-bin"
_USED_UP = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC))


async def refuse(context: Context, failure: CallFailed) -> None:
    """End the call; always raises what gRPC wants to see."""
    status = status_of(failure.status, failure.status.name, failure.message, failure.field)
    await context.abort(
        grpc.StatusCode[failure.status.name],
        status.message,
        trailing_metadata=((_DETAILS_KEY, status.SerializeToString()),),
    )


def denied(caller: str, path: str, role: str) -> CallFailed:
    """Return the refusal of a caller without the role, which the log tells."""
    _SAID.tell(f"denied {caller}", f"{path}: denied to {caller}, which has not the role {role}")
    return CallFailed(Status.PERMISSION_DENIED, f"{caller} has not the role {role}")


def unexpected(path: str, error: Exception) -> CallFailed:
    """Return the failure that an exception stands for; a bug is told in the log, in one line."""
    if isinstance(error, OSError) and error.errno in _USED_UP:
        kind, told = f"{error.errno}", f"{error.strerror}: ask again later"
        failure = CallFailed(Status.RESOURCE_EXHAUSTED, told)
    elif isinstance(error, MemoryError):
        kind, told = "memory", "out of memory: ask again later"
        failure = CallFailed(Status.RESOURCE_EXHAUSTED, told)
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
