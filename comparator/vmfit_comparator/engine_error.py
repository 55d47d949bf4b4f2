"""Why the engine could not answer."""

import grpc

from vmfit_contract.reasons import NO_CAUSE, Cause


class EngineError(Exception):
    """A question that cannot be answered; `str()` is one line for people, `cause` for programs.

    `field` is the path in the request that is at fault, None when the request is good.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        field: str | None = None,
        cause: Cause = NO_CAUSE,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.cause = cause


def invalid(field: str, message: str, cause: Cause = NO_CAUSE) -> EngineError:
    """Return the error of a request whose field is at fault; the message is without its name."""
    code = grpc.StatusCode.INVALID_ARGUMENT
    return EngineError(code, f"{field}: {message}", field, cause)
