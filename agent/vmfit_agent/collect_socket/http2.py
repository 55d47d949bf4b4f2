"""What a gRPC client is told that connects to the collecting process: to ask the other one.

Without an answer it would say no more than that the connection was closed. Source: RFC 9113,
RFC 7541; gRPC over HTTP/2 ("Trailers-Only").
"""

import socket
import struct

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME = struct.Struct("!HBBBI")
"""Length (16 bits and the low 8), type, flags, stream."""
_HEADERS, _SETTINGS = 1, 4
_END_STREAM_AND_HEADERS = 0x5
_STATUS_200 = b"\x88"
_UNIMPLEMENTED = b"12"
_MAX_FRAMES = 16
_WHY = b"this socket is for vmfit-agent serve alone: ask the address that it listens on"


def is_http2(started: bytes) -> bool:
    """Return whether a connection that began so is HTTP/2."""
    return started.startswith(_PREFACE)


def refuse(connection: socket.socket, started: bytes) -> None:
    """Answer the connection's first call with the status UNIMPLEMENTED; raises OSError."""
    connection.sendall(_frame(_SETTINGS, 0, 0, b""))
    with connection.makefile("rb") as frames:
        rest = started[len(_PREFACE) :]
        for _ in range(_MAX_FRAMES):
            header = rest + frames.read(_FRAME.size - len(rest))
            rest = b""
            if len(header) < _FRAME.size:
                return
            high, low, kind, _, stream = _FRAME.unpack(header)
            frames.read(high << 8 | low)
            if kind == _HEADERS:
                connection.sendall(_frame(_HEADERS, _END_STREAM_AND_HEADERS, stream, _trailers()))
                return


def _trailers() -> bytes:
    fields = (b"content-type", b"application/grpc"), (b"grpc-status", _UNIMPLEMENTED)
    return _STATUS_200 + b"".join(_literal(*each) for each in (*fields, (b"grpc-message", _WHY)))


def _literal(name: bytes, value: bytes) -> bytes:
    # Not indexed, and each short enough for a length of one byte.
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    length = len(payload)
    return _FRAME.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload
