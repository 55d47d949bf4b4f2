"""What travels between the two processes: one call per connection, framed.

A request is a header (magic, the caller's seconds, and the lengths of what follows), the method,
the caller's name, its roles joined by commas, and the serialised request. Each answer is a header
(status, length) and, for status 0, a serialised response; for any other the field to blame, the
reason, and the message, with zeros between them. A watch has many answers.
"""

import select
import socket
import struct
import time
from typing import NamedTuple

from vmfit_agent.calls import CallFailed, Status
from vmfit_contract.access import Caller, Role
from vmfit_contract.limits import MAX_MESSAGE_BYTES
from vmfit_contract.reasons import Cause

MAX_REQUEST_BYTES = 4 * 1024 * 1024
HEALTH_METHOD = "Health"
"""Answered with nothing by a process that can answer."""
PARTS_METHOD = "Parts"
"""Answered with the states of the parts. The request is the age in seconds beyond which a part is
collected for it; empty for none."""
# Its last byte is the revision of this format.
MAGIC = b"vmf\x03"
_REQUEST = struct.Struct("!4sdBHBI")
MAX_METHOD_BYTES = 255
MAX_NAME_BYTES = 1024
_ANSWER = struct.Struct("!BI")
# The kernel's own timeouts: a blocking read or write that makes no progress ends with EAGAIN.
_TIMEVAL = struct.Struct("@ll")


class Request(NamedTuple):
    """A call."""

    method: str
    seconds: float
    """How long the caller waits."""
    message: bytes
    caller: Caller


class FrameError(Exception):
    """What arrived is not what the other process sends."""


class ForeignClientError(FrameError):
    """The other end does not speak this format; `started` is how it began."""

    def __init__(self, started: bytes) -> None:
        super().__init__(f"not a vmfit-agent of this version: it began with {started!r}")


def limit_waiting(connection: socket.socket, *, receive: float, send: float) -> None:
    """Let a blocked read or write raise BlockingIOError after the seconds; 0 for never."""
    for option, seconds in ((socket.SO_RCVTIMEO, receive), (socket.SO_SNDTIMEO, send)):
        _limit(connection, option, seconds)


def send_request(connection: socket.socket, request: Request) -> None:
    """Send a call; raises CallFailed when it is too large, and OSError."""
    if len(request.message) > MAX_REQUEST_BYTES:
        raise CallFailed(
            Status.RESOURCE_EXHAUSTED, f"the request is larger than {MAX_REQUEST_BYTES} bytes"
        )
    method, name = request.method.encode(), request.caller.name.encode()
    roles = ",".join(sorted(request.caller.roles)).encode()
    if len(method) > MAX_METHOD_BYTES or len(name) > MAX_NAME_BYTES:
        raise CallFailed(
            Status.INVALID_ARGUMENT,
            f"a method of {len(method)} or a caller's name of {len(name)} bytes is too long",
        )
    lengths = len(method), len(name), len(roles), len(request.message)
    header = _REQUEST.pack(MAGIC, request.seconds, *lengths)
    connection.sendall(b"".join((header, method, name, roles, request.message)))


def receive_request(connection: socket.socket, seconds: float) -> Request:
    """Return the call, which is there within the seconds; raises FrameError and OSError."""
    until = time.monotonic() + seconds
    header = _receive(connection, _REQUEST.size, until)
    magic, waits, method, name, roles, length = _REQUEST.unpack(header)
    if magic != MAGIC:
        raise ForeignClientError(header)
    if length > MAX_REQUEST_BYTES or name > MAX_NAME_BYTES:
        raise FrameError(f"a request of {length} bytes by a name of {name}")
    called, by, has = (
        _receive(connection, each, until).decode(errors="replace") for each in (method, name, roles)
    )
    message = _receive(connection, length, until)
    return Request(called, waits, message, Caller(by, _roles(has)))


def send_answer(connection: socket.socket, message: bytes, seconds: float) -> None:
    """Send a response, which is to be read within the seconds.

    Raises CallFailed when it is too large, TimeoutError and OSError.
    """
    if len(message) > MAX_MESSAGE_BYTES:
        raise CallFailed(
            Status.RESOURCE_EXHAUSTED, f"the answer is larger than {MAX_MESSAGE_BYTES} bytes"
        )
    _send_within(connection, _ANSWER.pack(0, len(message)) + message, seconds)


def send_failure(connection: socket.socket, failure: CallFailed, seconds: float) -> None:
    """Send why there is no response, as above; raises TimeoutError and OSError."""
    fields = f"{failure.field}\0{failure.cause.reason}\0"
    told = f"{fields}{failure.message}".encode(errors="replace")
    _send_within(connection, _ANSWER.pack(failure.status, len(told)) + told, seconds)


def _send_within(connection: socket.socket, content: bytes, seconds: float) -> None:
    # The kernel's own timeout begins anew with every byte that is read.
    until = time.monotonic() + seconds
    poller = select.poll()
    poller.register(connection, select.POLLOUT)
    rest = memoryview(content)
    while rest:
        left = until - time.monotonic()
        if left <= 0 or not poller.poll(left * 1000):
            raise TimeoutError(f"{len(rest)} bytes of an answer were not read in {seconds:g} s")
        try:
            rest = rest[connection.send(rest, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            continue


def receive_answer(connection: socket.socket) -> bytes:
    """Return the next response; raises the CallFailed that was sent, FrameError and OSError."""
    status, length = _ANSWER.unpack(_receive(connection, _ANSWER.size))
    if length > MAX_MESSAGE_BYTES:
        raise FrameError(f"an answer of {length} bytes")
    message = _receive(connection, length)
    if status == 0:
        return message
    if status not in iter(Status):
        raise FrameError(f"an answer of the unknown status {status}")
    field, reason, told = (*message.decode(errors="replace").split("\0", 2), "", "")[:3]
    raise CallFailed(Status(status), told, field, Cause(reason))


def _roles(text: str) -> frozenset[Role]:
    try:
        return frozenset(Role(each) for each in text.split(",") if each)
    except ValueError:
        raise FrameError(f"a caller with the unknown roles {text!r}") from None


def _receive(connection: socket.socket, length: int, until: float | None = None) -> bytes:
    """Return so many bytes, by `until` of time.monotonic() however slowly they come."""
    received = b""
    while len(received) < length:
        if until is not None:
            # Never 0, which would be for ever.
            _limit(connection, socket.SO_RCVTIMEO, max(until - time.monotonic(), 0.001))
        more = connection.recv(length - len(received), socket.MSG_WAITALL)
        if not more:
            raise FrameError("the connection was closed")
        received += more
        if until is not None and time.monotonic() > until:
            raise FrameError("the request did not arrive in time")
    return received


def _limit(connection: socket.socket, option: int, seconds: float) -> None:
    microseconds = int(seconds * 1e6)
    value = _TIMEVAL.pack(microseconds // 1_000_000, microseconds % 1_000_000)
    connection.setsockopt(socket.SOL_SOCKET, option, value)
