"""Why the engine could not answer."""

import grpc


class EngineError(Exception):
    """A question that cannot be answered; `str()` is one line for people.

    `field` is the path in the request that is at fault, None when the request is good.
    """

    def __init__(self, code: grpc.StatusCode, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
