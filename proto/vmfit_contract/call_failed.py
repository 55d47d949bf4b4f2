"""Why a call has no answer, however it travels."""

from enum import IntEnum

from vmfit_contract.reasons import NO_CAUSE, Cause


class Status(IntEnum):
    """gRPC's status codes by their names and numbers."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class CallFailed(Exception):  # noqa: N818 -- the outcome of a call, not a mistake
    """The call has no answer; `field` is the path in the request that is to blame, or empty."""

    def __init__(
        self, status: Status, message: str, field: str = "", cause: Cause = NO_CAUSE
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.cause = cause
