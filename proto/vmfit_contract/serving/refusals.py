"""How a call ends without an answer: the status, its details, and denials in the log."""

import logging

import grpc

from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.errors import status_of
from vmfit_contract.quiet_log import QuietLog
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.serving.context import Context

_SAID = QuietLog(logging.getLogger(__name__))
_DETAILS_KEY = "grpc-status-details-bin"


async def refuse(context: Context, failure: CallFailed) -> None:
    """End the call; always raises what gRPC wants to see."""
    status = status_of(
        failure.status, failure.status.name, failure.message, failure.field, failure.cause
    )
    await context.abort(
        grpc.StatusCode[failure.status.name],
        status.message,
        trailing_metadata=((_DETAILS_KEY, status.SerializeToString()),),
    )


def denied(caller: str, path: str, role: str) -> CallFailed:
    """Return the refusal of a caller without the role, which the log tells."""
    _SAID.tell(f"denied {caller}", f"{path}: denied to {caller}, which has not the role {role}")
    cause = Cause(Reason.ROLE_MISSING, {"caller": caller, "role": role})
    return CallFailed(Status.PERMISSION_DENIED, f"{caller} has not the role {role}", cause=cause)
