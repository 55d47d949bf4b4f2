"""The collecting process's end: calls answered on a unix socket, a thread for each."""

import logging
import select
import socket
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

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
    ForeignClientError,
    FrameError,
    Request,
    limit_waiting,
    receive_request,
    send_answer,
    send_failure,
)
from vmfit_agent.listening import ListenError, require_free, socket_mode
from vmfit_contract.address import Address

_LOG = logging.getLogger(__name__)

MAX_CONNECTIONS = 32
REQUEST_SECONDS = 5.0
"""How long a client that connected may take to say what it wants."""
SEND_SECONDS = 10.0
"""How long a client may leave its answer unread."""
STOP_SECONDS = 2.0
_RETRY_SECONDS = 0.5


class SocketServer:
    """Answers calls on one unix socket, which its owner and group may open."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._stopping = threading.Event()

    def start(self, address: Address) -> Address:
        """Listen and answer; raises ListenError."""
        self._path = Path(address.path)
        self._listener = _listen(address)
        threading.Thread(target=self._accept, name="accept", daemon=True).start()
        return address

    def stop(self) -> None:
        """Take no more calls, end the watches, and wait a little for the calls under way."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._path.unlink(missing_ok=True)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._calls.close()
        end = time.monotonic() + STOP_SECONDS
        for _ in range(MAX_CONNECTIONS):
            self._places.acquire(timeout=max(end - time.monotonic(), 0))

    def _accept(self) -> None:
        with self._listener:
            while not self._stopping.is_set():
                try:
                    connection, _ = self._listener.accept()
                except OSError as error:
                    if not self._stopping.is_set():  # No file descriptors are left, for one.
                        _LOG.warning("the socket: %s", error)
                        self._stopping.wait(_RETRY_SECONDS)
                else:
                    self._take(connection)

    def _take(self, connection: socket.socket) -> None:
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

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._reply(connection, receive_request(connection))
        except ForeignClientError as foreign:
            _LOG.warning("the socket, which is for vmfit-agent serve only: a client is %s", foreign)
        except (FrameError, OSError) as error:
            _LOG.debug("a client went away: %s", error)
        except Exception:  # noqa: BLE001 -- the boundary: a bug costs its own call alone
            _LOG.exception("a watch failed")
        finally:
            self._places.release()

    def _reply(self, connection: socket.socket, request: Request) -> None:
        try:
            if request.method == WATCH.method:
                self._watch(connection, request)
            else:
                send_answer(connection, self._answer(request))
        except CallFailed as failure:
            send_failure(connection, failure)

    def _answer(self, request: Request) -> bytes:
        if request.method == HEALTH_METHOD:
            return b""
        try:
            seconds = time_for_answer(request.seconds)
            return self._calls.answer(request.method, request.message, seconds, request.caller)
        except CallFailed:
            raise
        except Exception as error:  # noqa: BLE001 -- as above
            _LOG.exception("%s failed", request.method)
            told = f"internal error: {type(error).__name__}: {error}"
            raise CallFailed(Status.UNKNOWN, told) from None

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


def _listen(address: Address) -> socket.socket:
    require_free(address)
    path = Path(address.path)
    listener = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket():
            path.unlink()
        with socket_mode():
            listener.bind(address.path)
        listener.listen()
    except OSError as error:
        listener.close()
        raise ListenError(f"{address}: cannot listen: {error.strerror}") from None
    return listener


def _send_all(connection: socket.socket, stream: Stream) -> None:
    try:
        for message in stream:
            send_answer(connection, message)
    except CallFailed as failure:
        send_failure(connection, failure)
    else:
        send_failure(connection, CallFailed(Status.UNAVAILABLE, STOPPING))


def _cancel_with_client(connection: socket.socket, stream: Stream) -> None:
    """End the watch when its client goes away; it sends nothing else."""
    poller = select.poll()
    poller.register(connection, select.POLLIN | select.POLLRDHUP)
    poller.poll()
    stream.cancel()


def _turn_away(connection: socket.socket, failure: CallFailed) -> None:
    try:
        with connection:
            send_failure(connection, failure)
    except OSError as error:
        _LOG.debug("a client went away: %s", error)
