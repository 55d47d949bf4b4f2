"""What a call without an answer raises."""

from collections.abc import Mapping
from types import MappingProxyType

import grpc

from vmfit_contract.errors import cause_of, code_of, describe
from vmfit_contract.reasons import NO_CAUSE, Cause


class VmfitError(Exception):
    """A call has no answer; the message is one line for people.

    What a program may act on:

    - `code`: gRPC's status; INVALID_ARGUMENT for what was wrong before anything was sent.
    - `reason`: one of `Reason`, as text, or the status's name; empty where the server told none.
    - `metadata`: what the reason is about: "host", "vm", "caller", ...; may be empty.
    - `retry_seconds`: after what time it makes sense to ask again; None where it makes none.
    """

    def __init__(
        self,
        message: str,
        code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT,
        cause: Cause = NO_CAUSE,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = cause.reason
        self.metadata: Mapping[str, str] = MappingProxyType(dict(cause.metadata))
        self.retry_seconds = cause.retry_seconds


def failure_of(error: grpc.RpcError, server: object) -> VmfitError:
    """Return what a call's end says, with the comparator that was asked."""
    code = code_of(error) or grpc.StatusCode.UNKNOWN
    return VmfitError(f"comparator {server}: {describe(error)}", code, cause_of(error))
