"""Servers that redirect, dribble, flood or talk nonsense: bounded, and never followed."""

import resource
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import OpenDisk
from vmfit.v1.vm_pb2 import NetworkHost, StorageSource
from vmfit_agent.probes import open_disk as opening
from vmfit_agent.probes.http_head import HttpError, parse_head
from vmfit_agent.probes.open_disk import open_disk
from vmfit_agent.probes.qemu_img import qemu_img
from vmfit_agent.probes.unanswerable import Unanswerable

GOOD = b"HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: 1000\r\n\r\n"


@contextmanager
def serving(talk):
    """Serve connections with a function of the test's; yield the port and what was received."""
    received, connections = [], []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connections.append(connection)
                threading.Thread(target=converse, args=(connection,), daemon=True).start()

        def converse(connection):
            try:
                with connection:
                    received.append(connection.recv(65536))
                    talk(connection)
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()
        try:
            yield listener.getsockname()[1], received
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def saying(answer):
    return lambda connection: connection.sendall(answer)


def ask(port, protocol="http", name="disk.img", seconds=3.0):
    if qemu_img() is None:
        pytest.skip("qemu-img is not installed")
    host = NetworkHost(name="127.0.0.1", port=port)
    source = StorageSource(type="network", protocol=protocol, name=name, hosts=[host])
    return open_disk(OpenDisk(source=source), terms(seconds))


@pytest.fixture(autouse=True)
def qemus_user(monkeypatch):
    monkeypatch.setattr(opening, "_other_user", lambda _: None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_not_followed(status):
    with serving(saying(GOOD)) as (inner, asked_inside):
        place = f"http://127.0.0.1:{inner}/secret?a=b"
        answer = f"HTTP/1.1 {status} Moved\r\nLocation: {place}\r\n\r\n".encode()
        with (
            serving(saying(answer)) as (outer, _),
            pytest.raises(Unanswerable, match="redirects, and no probe follows"),
        ):
            ask(outer)
        time.sleep(0.1)
        assert asked_inside == []


def test_what_is_asked_of_a_web_server():
    with serving(saying(GOOD)) as (port, received):
        answer = ask(port, name="a b/c@d.img")
    assert (answer.opens, answer.virtual_size_bytes) == (True, 1024)
    assert received == [
        b"HEAD /a%20b/c@d.img HTTP/1.1\r\n"
        + f"Host: 127.0.0.1:{port}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "returned error: 404 Not Found"),
        (b"HTTP/1.1 401 \x1b[2J\r\n\r\n", "returned error: 401 \ufffd[2J"),
        (b"HTTP/1.0 200 OK\r\nAccept-Ranges: bytes\r\n\r\n", "didn't report file size"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", "does not support 'range'"),
        (GOOD.replace(b"1000", b"-5"), "didn't report file size"),
        (GOOD.replace(b"1000", b"9" * 400), "didn't report file size"),
        (GOOD.replace(b"1000", "\u0661".encode()), "didn't report file size"),
        (b"", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nA: b", "closed the connection"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "is not HTTP"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "is not HTTP"),
        (b"\0\xff" * 500 + b"\r\n\r\n", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20000, "head is larger than"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD.replace(b"200", b"404"), "error: 404"),
    ],
)
def test_what_a_web_server_says(answer, reason):
    with serving(saying(answer)) as (port, _):
        found = ask(port)
    assert not found.opens
    assert reason in found.reason
    assert found.reason.isprintable()


def endless(connection):
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def flood(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\na: ")
    while True:
        connection.sendall(b"b" * 65536)


def dribble(connection):
    for byte in GOOD * 100:
        connection.sendall(bytes((byte,)))
        time.sleep(0.2)


@pytest.mark.parametrize("talk", [endless, flood, dribble])
@pytest.mark.parametrize("protocol", ["http", "https", "nbd", "iscsi", "ftp"])
def test_no_server_takes_more_than_the_time_or_much_memory(talk, protocol):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with serving(talk) as (port, _):
        try:
            opens = ask(port, protocol, name="iqn.2020-01.a:b/1", seconds=1.5).opens
        except (Unanswerable, TimeoutError):
            opens = False
    assert not opens
    assert time.monotonic() - began < 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


def test_a_silent_web_server_is_an_answer_after_two_seconds():
    with serving(lambda _: time.sleep(10)) as (port, _):
        answer = ask(port, seconds=2.2)
        assert answer.timed_out_seconds == pytest.approx(2.2, abs=0.2)
        with pytest.raises(Unanswerable, match="within"):
            ask(port, seconds=0.5)


@pytest.mark.parametrize(
    "text", [b"", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 20", b"HTTP/1.1 \xb2\xb2\xb2 x", b"x 200 y"]
)
def test_heads_that_are_none(text):
    with pytest.raises(HttpError, match="not HTTP"):
        parse_head(text)
