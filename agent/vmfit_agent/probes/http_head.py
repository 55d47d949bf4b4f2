"""One HEAD request to one address: bounded in time and memory, and never redirected."""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from vmfit_agent.probes.look_up import SocketAddress

_MAX_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 8192
_END = b"\r\n\r\n"


class HttpError(Exception):
    """The server gives no answer that could be used; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a server says of a file."""

    status: int
    reason: str
    fields: Mapping[str, str]
    """By name in lower case; of several of one name the last."""


def head(address: SocketAddress, request: bytes, tls_name: str | None, until: float) -> Head:
    """Connect, send the request and return the answer's head.

    With `tls_name` over TLS, with a certificate for that name that this system trusts. Raises
    TimeoutError when the time (of time.monotonic()) is over, HttpError, and OSError when there is
    no connection.
    """
    family, place = address
    with socket.socket(family, socket.SOCK_STREAM) as plain:
        plain.settimeout(_left(until))
        plain.connect(place)
        connection = plain if tls_name is None else _encrypted(plain, tls_name, until)
        with connection:
            connection.settimeout(_left(until))
            connection.sendall(request)
            return _receive(connection, until)


def _encrypted(plain: socket.socket, name: str, until: float) -> socket.socket:
    import ssl  # noqa: PLC0415 -- hardly any disk is opened so, and it is large

    context = ssl.create_default_context()
    plain.settimeout(_left(until))
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except TimeoutError:
        raise
    except ssl.SSLCertVerificationError as error:
        raise HttpError(f"its certificate is not trusted: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise HttpError(f"TLS fails: {error.reason or 'the connection was closed'}") from None


def _receive(connection: socket.socket, until: float) -> Head:
    received = b""
    while True:
        text, end, rest = received.partition(_END)
        if end:
            found = parse_head(text)
            if found.status >= 200:
                return found
            received = rest  # What comes first may only say that the answer comes.
            continue
        if len(received) > _MAX_HEAD_BYTES:
            raise HttpError(f"its answer's head is larger than {_MAX_HEAD_BYTES} bytes")
        connection.settimeout(_left(until))
        chunk = connection.recv(_CHUNK_BYTES)
        if not chunk:
            raise HttpError("it closed the connection without an answer")
        received += chunk


def parse_head(text: bytes) -> Head:
    """Return what a head says, without its last empty line; raises HttpError. Source: RFC 9112."""
    first, *lines = text.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/") or len(status) != 3 or not status.isascii():
        raise HttpError("its answer is not HTTP")
    if not status.isdecimal():
        raise HttpError("its answer is not HTTP")
    fields = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    return Head(int(status), reason.strip(), fields)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
