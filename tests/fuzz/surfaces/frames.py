"""What travels on the collecting process's socket, as each side reads it."""

import socket
from contextlib import suppress

from vmfit_agent.calls import CallFailed
from vmfit_agent.collect_socket import frames
from vmfit_contract.access import LOCAL

_SECONDS = 2.0
_ROOM_BYTES = 1 << 17


def _sent(send):
    ours, other = socket.socketpair()
    with ours, other:
        send(ours)
        ours.shutdown(socket.SHUT_WR)
        return other.recv(_ROOM_BYTES)


def seeds():
    request = frames.Request("GetSnapshot", 1.5, b"\x0a\x03cpu", LOCAL)
    yield b"\0" + _sent(lambda end: frames.send_request(end, request))
    yield b"\1" + _sent(lambda end: frames.send_answer(end, b"answer", 1.0))
    failure = CallFailed(frames.Status.NOT_FOUND, "no domain", "name")
    yield b"\1" + _sent(lambda end: frames.send_failure(end, failure, 1.0))


def read(data):
    ours, other = socket.socketpair()
    with ours, other:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM_BYTES)
        frames.limit_waiting(other, receive=_SECONDS, send=_SECONDS)
        ours.sendall(data[1:])
        ours.shutdown(socket.SHUT_WR)
        with suppress(frames.FrameError, CallFailed):
            if data[:1] == b"\0":
                request = frames.receive_request(other, _SECONDS)
                assert len(request.message) <= frames.MAX_REQUEST_BYTES
            else:
                frames.receive_answer(other)
