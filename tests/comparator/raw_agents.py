"""Agents that speak HTTP/2 by hand, so that they can do what gRPC's own servers never would."""

import socket
import struct
import threading
import time
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

import grpc

from vmfit_contract.channel import SERVER_OPTIONS

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, GOAWAY = 4, 7


def frame(kind, payload=b"", flags=0, stream=0):
    """One HTTP/2 frame."""
    return (
        struct.pack("!I", len(payload))[1:]
        + bytes((kind, flags))
        + struct.pack("!I", stream)
        + payload
    )


class RawAgent:
    """Listens on a loopback port, and gives every connection to `serve` in a thread of its own."""

    def __init__(self, serve):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._is_closed = False
        self.connections = 0
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self._is_closed:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            self._serve(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self):
        self._is_closed = True
        self._listener.close()
        for each in self._open:
            each.close()


@contextmanager
def raw_agent(serve):
    """A RawAgent for the time of a block."""
    agent = RawAgent(serve)
    try:
        yield agent
    finally:
        agent.close()


def hang(connection):
    """Take the connection and never say anything."""
    while connection.recv(65536):
        pass


def go_away(connection):
    """Greet, and send everybody away at once."""
    connection.recv(65536)
    connection.sendall(frame(SETTINGS) + frame(GOAWAY, struct.pack("!II", 0, 0)))


def dribble(connection):
    """Greet, and send a byte a second of what never becomes an answer."""
    connection.recv(65536)
    connection.sendall(frame(SETTINGS))
    for byte in frame(SETTINGS, bytes(6) * 1000):
        connection.sendall(bytes((byte,)))
        time.sleep(1)


def garbage(connection):
    """Send what is no HTTP/2."""
    connection.recv(65536)
    connection.sendall(b"\xff" * 4096)


def flood(connection):
    """Greet, and send settings without end."""
    connection.recv(65536)
    many = frame(SETTINGS) * 1000
    while True:
        connection.sendall(many)


class SameBytes(grpc.GenericRpcHandler):
    """Answers each method with the same bytes, or with what a function of the request gives."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = 0

    def service(self, handler_call_details):
        method = handler_call_details.method.rpartition("/")[2]
        if method not in self.answers:
            return None

        def answer(request, context):
            self.asked += 1
            given = self.answers[method]
            return given(request) if callable(given) else given

        return grpc.unary_unary_rpc_method_handler(answer)


@contextmanager
def bytes_agent(**answers):
    """An agent on a loopback port that answers each method with the same bytes; its address."""
    options = (*SERVER_OPTIONS, ("grpc.max_send_message_length", -1))
    server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
    server.add_generic_rpc_handlers([SameBytes(answers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@contextmanager
def peak_memory():
    """Measure: a function that gives how many MiB more this process held at most since."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield lambda: (_status("VmHWM") - before) / 1024


def _status(key):
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{key}:")[2].split()[0])
