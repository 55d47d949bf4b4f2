"""A TCP listener for a moment, as QEMU's for an incoming migration."""

import errno
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Sequence

from vmfit.v1.probe_pb2 import ListenerAnswer, OpenListener
from vmfit_agent.host import Host
from vmfit_agent.probes.resolve_name import SocketAddress, look_up
from vmfit_agent.probes.unanswerable import Unanswerable

_LOG = logging.getLogger(__name__)

MAX_LISTENERS = 16
PEER_SECONDS = 1.0
"""How long the first peer may take to close its connection before it is reset."""
_RESET = struct.pack("ii", 1, 0)

_free = threading.BoundedSemaphore(MAX_LISTENERS)


def open_listener(question: OpenListener, _host: Host, _seconds: float) -> ListenerAnswer:
    """Listen on the first free port of the range, and return at once.

    It closes after the question's seconds or the first connection, and leaves nothing behind that
    would keep QEMU from the port: like QEMU's own listener it reuses a port whose last connection
    the kernel still remembers.
    Raises Unanswerable beyond 16 listeners. Source: bind(2), listen(2).
    """
    ports = range(question.first_port, question.last_port + 1)
    try:
        places = _places(question.address)
    except socket.gaierror as error:
        return ListenerAnswer(reason=f"{question.address}: {error.strerror}")
    if not _free.acquire(blocking=False):
        raise Unanswerable(f"{MAX_LISTENERS} listeners are open already")
    try:
        listener, reason = _first_free(places, ports)
        if listener is None:
            _free.release()
            return ListenerAnswer(reason=reason)
        port = int(listener.getsockname()[1])
        close_at = time.monotonic() + question.seconds
        threading.Thread(
            target=_serve, args=(listener, close_at), name=f"listener-{port}", daemon=True
        ).start()
    except BaseException:
        _free.release()
        raise
    return ListenerAnswer(port=port)


def _places(address: str) -> Sequence[SocketAddress]:
    if address:
        return look_up(address.strip("[]"), 0, socket.AI_PASSIVE)
    # libvirt lets QEMU listen on "::" where the host has IPv6, and there IPv4 arrives too.
    return [(socket.AF_INET6, ("::", 0)), (socket.AF_INET, ("0.0.0.0", 0))]  # noqa: S104 -- as asked


def _first_free(places: Sequence[SocketAddress], ports: range) -> tuple[socket.socket | None, str]:
    """Return a listening socket, or None and why the last attempt failed."""
    reason = "no address"
    for port in ports:
        for family, (name, *_) in places:
            try:
                return _listen(family, name, port), ""
            except OSError as error:
                reason = f"port {port}: {os.strerror(error.errno or errno.EIO)}"
                if error.errno == errno.EADDRINUSE:
                    break
    return None, reason


def _listen(family: socket.AddressFamily, name: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(name != "::"))
        listener.bind((name, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener


def _serve(listener: socket.socket, close_at: float) -> None:
    """Take one connection before the time is over; the port is free again after that."""
    try:
        with listener:
            listener.settimeout(max(close_at - time.monotonic(), 0.01))
            connection, _ = listener.accept()
        with connection:
            # The peer closes first: then its host, not this one, remembers the connection. A reset
            # right away could overtake the peer's look at whether it connected.
            connection.settimeout(PEER_SECONDS)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.recv(1)
    except OSError as error:
        _LOG.debug("listener: %s", error)
    finally:
        _free.release()
