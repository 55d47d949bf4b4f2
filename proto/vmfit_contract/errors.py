"""Errors between agent, comparator and their clients: one clear line, with details by field."""

import re
from collections.abc import Sequence
from typing import Any, NoReturn

import grpc

# Not where an error happens: one of them is that no file can be opened any more.
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from vmfit_contract.printable import one_line
from vmfit_contract.reasons import NO_CAUSE, Cause

ERROR_DOMAIN = "vmfit"
_METADATA_CHARACTERS = 256
_STATUS_NAME = re.compile(r"^[A-Z_]+: ")
_CONNECTING = re.compile(
    r"^ipv[46]:\S+: |connect failed: addr: \S+ error: |Failed to connect to remote host: "
)


def abort(
    context: grpc.ServicerContext, code: grpc.StatusCode, message: str, field: str | None = None
) -> NoReturn:
    """End the call with a status that carries ErrorInfo, and BadRequest when `field` is named.

    `field` is a path in the request, such as "facts[2]" or "policy.name". Always raises.
    """
    status = status_of(code.value[0], code.name, message, field)
    context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort_with_status returned")


def status_of(
    number: int, name: str, message: str, field: str | None = None, cause: Cause = NO_CAUSE
) -> status_pb2.Status:
    """Return a status of this number and name, as `abort` ends a call with it."""
    metadata = {key: value[:_METADATA_CHARACTERS] for key, value in cause.metadata.items()}
    reason = cause.reason or name
    details = [error_details_pb2.ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=metadata)]
    if cause.retry_seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(cause.retry_seconds * 1e9))
        details.append(retry)
    if field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    packed = [any_pb2.Any() for _ in details]
    for box, detail in zip(packed, details, strict=True):
        box.Pack(detail)
    return status_pb2.Status(code=number, message=one_line(message), details=packed)


def code_of(error: grpc.RpcError) -> grpc.StatusCode | None:
    """Return the status with which a call ended; None for what is no status of a call."""
    call: Any = error
    return call.code() if _ends_a_call(error) else None


def cause_of(error: grpc.RpcError) -> Cause:
    """Return what the server told programs; NO_CAUSE where it told nothing."""
    reason, metadata, retry_seconds = "", {}, None
    for detail in _details(error):
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(retry):
            retry_seconds = retry.retry_delay.ToNanoseconds() / 1e9
    return Cause(reason, metadata, retry_seconds)


def describe(error: grpc.RpcError) -> str:
    """Return one line for people: what went wrong and, where the server named it, the field."""
    # What a stub raises is also a grpc.Call; the stubs' types do not say so.
    call: Any = error
    if not _ends_a_call(error):
        return one_line(str(error)) or type(error).__name__
    code = call.code()
    details = one_line(call.details() or "")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "did not answer in time"
    if code is grpc.StatusCode.UNAVAILABLE:
        # gRPC puts the cause last, after what it tried.
        details = _STATUS_NAME.sub("", details.rpartition("last error: ")[2])
        details = _CONNECTING.sub("", details)
        return f"unavailable: {details}" if details else "unavailable"
    if code is grpc.StatusCode.UNIMPLEMENTED and "not found" in details.lower():
        return f"does not offer the call: {details}"
    field = _violated_field(call)
    if field and field not in details:
        details = f"{field}: {details}"
    return details or code.name.lower().replace("_", " ")


def _details(error: Any) -> Sequence[Any]:  # noqa: ANN401 -- what a stub raises is also a call
    if not _ends_a_call(error):
        return ()
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # The details contradict the status: a foreign server.
        return ()
    return status.details if status else ()


def _ends_a_call(error: object) -> bool:
    # What asyncio's calls raise has a call's methods, and is none.
    return isinstance(error, grpc.Call) or hasattr(error, "trailing_metadata")


def _violated_field(error: grpc.Call) -> str:
    for detail in _details(error):
        request = error_details_pb2.BadRequest()
        if detail.Unpack(request) and request.field_violations:
            return str(request.field_violations[0].field)
    return ""
