"""The collecting process's end: calls answered on a unix socket, a thread for each."""

import logging
import select
import socket
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial

from vmfit_agent.calls import (
    STOPPING,
    WATCH,
    CallFailed,
    Calls,
    Status,
    Stream,
    time_for_answer,
)
from vmfit_agent.collect_socket.frames import (
    HEALTH_METHOD,
    PARTS_METHOD,
    ForeignClientError,
    FrameError,
    Request,
    limit_waiting,
    receive_request,
    send_answer,
    send_failure,
)
from vmfit_agent.collect_socket.listener import Listener
from vmfit_agent.collect_socket.peers import PermittedPeers, peer_of
from vmfit_agent.part_state import encode
from vmfit_contract.address import Address
from vmfit_contract.listening import TakenError
from vmfit_contract.quiet_log import QuietLog
from vmfit_contract.short_turns import take_short_turns
from vmfit_contract.unexpected import unexpected

_LOG = logging.getLogger(__name__)

MAX_CONNECTIONS = 32
REQUEST_SECONDS = 5.0
"""How long a client that connected may take to say what it wants."""
SEND_SECONDS = 10.0
"""How long a client may take to read its answer."""
STOP_SECONDS = 2.0


class SocketServer:
    """Answers calls on one unix socket, which its owner and group may open."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._stopped = False
        self._quiet = QuietLog(_LOG)

    def start(self, address: Address, inherited: socket.socket | None = None) -> Address:
        """Answer at the address, or on a socket that systemd listens on; raises ListenError.

        Returns where it listens.
        """
        take_short_turns()
        self._listener = Listener(address, inherited)
        try:
            self._permitted = PermittedPeers(self._listener.address)
        except OSError as error:
            raise TakenError(f"{address}: cannot listen: {error.strerror}") from None
        self._listener.start(self._take)
        return self._listener.address

    def stop(self) -> None:
        """Take no more calls, end the watches, and wait a little for the calls under way."""
        if self._stopped:
            return
        self._stopped = True
        self._listener.stop()
        self._calls.close()
        end = time.monotonic() + STOP_SECONDS
        for _ in range(MAX_CONNECTIONS):
            self._places.acquire(timeout=max(end - time.monotonic(), 0))

    def _take(self, connection: socket.socket) -> None:
        if not self._may_speak(connection):
            return
        limit_waiting(connection, receive=REQUEST_SECONDS, send=SEND_SECONDS)
        if not self._places.acquire(blocking=False):
            why = f"{MAX_CONNECTIONS} calls are under way already"
            _turn_away(connection, CallFailed(Status.RESOURCE_EXHAUSTED, why))
            return
        try:
            threading.Thread(
                target=self._converse, args=(connection,), name="call", daemon=True
            ).start()
        except RuntimeError as error:  # The process may have no more threads.
            self._places.release()
            _turn_away(connection, CallFailed(Status.RESOURCE_EXHAUSTED, str(error)))

    def _may_speak(self, connection: socket.socket) -> bool:
        try:
            peer = peer_of(connection)
        except OSError as error:
            connection.close()
            _LOG.warning("the socket %s: %s", self._listener.address, error)
            return False
        if self._permitted.permit(peer):
            return True
        self._quiet.tell(
            "peer",
            f"the socket {self._listener.address}, which is for its owner and group: refused "
            f"process {peer.pid} of user {peer.uid}",
        )
        why = f"user {peer.uid} may not use {self._listener.address}"
        _turn_away(connection, CallFailed(Status.PERMISSION_DENIED, why))
        return False

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._reply(connection, receive_request(connection, REQUEST_SECONDS))
        except ForeignClientError as foreign:
            _LOG.warning("the socket, which is for vmfit-agent serve only: a client is %s", foreign)
        except (FrameError, OSError) as error:
            _LOG.debug("a client went away: %s", error)
        except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs its own call alone
            unexpected("a watch", error)
        finally:
            self._places.release()

    def _reply(self, connection: socket.socket, request: Request) -> None:
        try:
            if request.method == WATCH.method:
                self._watch(connection, request)
            else:
                caller = replace(request.caller, is_gone=partial(_is_gone, connection))
                answer = self._answer(request._replace(caller=caller))
                send_answer(connection, answer, SEND_SECONDS)
        except CallFailed as failure:
            send_failure(connection, failure, SEND_SECONDS)

    def _answer(self, request: Request) -> bytes:
        if request.method == HEALTH_METHOD:
            return b""
        try:
            seconds = time_for_answer(request.seconds)
            if request.method == PARTS_METHOD:
                return encode(self._calls.part_states(_max_age(request.message), seconds))
            return self._calls.answer(request.method, request.message, seconds, request.caller)
        except CallFailed:
            raise
        except Exception as error:  # noqa: BLE001 -- as above
            raise unexpected(request.method, error) from None

    def _watch(self, connection: socket.socket, request: Request) -> None:
        with closing(self._calls.watch(request.message, request.caller)) as stream:
            client = threading.Thread(
                target=_cancel_with_client, args=(connection, stream), name="client", daemon=True
            )
            client.start()
            try:
                _send_all(connection, stream)
            finally:
                # Wakes the thread, which must not look at the connection when it is closed.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                client.join()


def _max_age(request: bytes) -> float | None:
    """Return the age of a request for states; raises CallFailed."""
    try:
        return float(request) if request else None
    except ValueError:
        raise CallFailed(Status.INVALID_ARGUMENT, f"no age: {request[:20]!r}") from None


def _send_all(connection: socket.socket, stream: Stream) -> None:
    try:
        for message in stream:
            send_answer(connection, message, SEND_SECONDS)
    except CallFailed as failure:
        send_failure(connection, failure, SEND_SECONDS)
    else:
        send_failure(connection, CallFailed(Status.UNAVAILABLE, STOPPING), SEND_SECONDS)


def _cancel_with_client(connection: socket.socket, stream: Stream) -> None:
    """End the watch when its client goes away; it sends nothing else."""
    poller = select.poll()
    poller.register(connection, select.POLLIN | select.POLLRDHUP)
    poller.poll()
    stream.cancel()


def _is_gone(connection: socket.socket) -> bool:
    """Return whether who made the call waits no more; also when the connection is closed."""
    descriptor = connection.fileno()
    if descriptor < 0:
        return True
    poller = select.poll()
    poller.register(descriptor, select.POLLRDHUP)
    return bool(poller.poll(0))


def _turn_away(connection: socket.socket, failure: CallFailed) -> None:
    try:
        with connection:
            send_failure(connection, failure, SEND_SECONDS)
    except OSError as error:
        _LOG.debug("a client went away: %s", error)
