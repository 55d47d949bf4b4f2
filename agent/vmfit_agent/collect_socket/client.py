"""The serving process's end: calls handed on, unread, to the collecting process."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from weakref import WeakSet

from vmfit_agent.calls import (
    FORBIDDEN,
    NO_SOURCE,
    PROBES_FORBIDDEN,
    UNARY,
    WATCH,
    CallFailed,
    Status,
)
from vmfit_agent.collect_socket.frames import (
    HEALTH_METHOD,
    PARTS_METHOD,
    FrameError,
    Request,
    limit_waiting,
    receive_answer,
    send_request,
)
from vmfit_agent.part_state import PartState, decode
from vmfit_contract.access import LOCAL, Caller, Role
from vmfit_contract.address import Address

HEALTH_SECONDS = 10.0
"""How often the collecting process's health is asked."""
HEALTH_ANSWER_SECONDS = 5.0
RETRY_SECONDS = 1.0
"""How often while it is down."""
LOOK_SECONDS = 0.1
"""How soon a call whose caller has gone ends in both processes."""


class CollectSocket:
    """Hands on calls, each over a connection of its own, so that a restart breaks no other."""

    def __init__(
        self, address: Address, *, probes: bool = True, who: str = "the collecting process"
    ) -> None:
        """`who` is what errors call the other process."""
        self._address = address
        self._who = who
        self._may_probe = probes
        self._closed = threading.Event()
        self._watches: WeakSet[CollectSocketWatch] = WeakSet()

    def answer(self, method: str, request: bytes, seconds: float, caller: Caller) -> bytes:
        """Return what the collecting process answers; raises CallFailed.

        When the caller goes away the connection is closed, which tells the other process.
        """
        rpc = UNARY.get(method)
        if rpc is not None and rpc.role == Role.PROBE and not self._may_probe:
            raise CallFailed(Status.FAILED_PRECONDITION, PROBES_FORBIDDEN, cause=FORBIDDEN)
        try:
            with self._send(Request(method, seconds, request, caller)) as connection:
                _await_answer(connection, seconds, caller)
                return receive_answer(connection)
        except (FrameError, OSError) as error:
            raise self.unavailable(error) from None

    def watch(self, request: bytes, caller: Caller) -> "CollectSocketWatch":
        """Open a watch there; raises CallFailed."""
        try:
            connection = self._send(Request(WATCH.method, 0.0, request, caller))
            limit_waiting(connection, receive=0, send=0)
        except OSError as error:
            raise self.unavailable(error) from None
        watch = CollectSocketWatch(connection, self.unavailable)
        self._watches.add(watch)
        return watch

    def allow_probes(self, *, allowed: bool) -> None:
        """Hand on probes from now on, or refuse them."""
        self._may_probe = allowed

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report the collecting process's health, in a thread of its own."""
        threading.Thread(
            target=self._follow, args=(report,), name="follow-health", daemon=True
        ).start()

    def part_states(self, max_age_seconds: float | None, seconds: float) -> dict[str, PartState]:
        """Return how the parts fare there; raises CallFailed."""
        request = b"" if max_age_seconds is None else f"{max_age_seconds:g}".encode()
        try:
            return decode(self.answer(PARTS_METHOD, request, seconds, LOCAL))
        except ValueError as error:
            raise self.unavailable(error) from None

    def close(self) -> None:
        """End the watches, and ask no more for health."""
        self._closed.set()
        for watch in list(self._watches):
            watch.cancel()

    def unavailable(self, error: Exception) -> CallFailed:
        """Return the failure of a call that the collecting process did not answer."""
        reason = "did not answer in time" if isinstance(error, BlockingIOError) else ""
        reason = reason or getattr(error, "strerror", None) or str(error)
        told = f"{self._who} at {self._address}: {reason}"
        return CallFailed(Status.UNAVAILABLE, told, cause=NO_SOURCE)

    def _send(self, request: Request) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            seconds = request.seconds or HEALTH_ANSWER_SECONDS
            limit_waiting(connection, receive=seconds, send=seconds)
            connection.connect(self._address.path)
            # Who is turned away reads why, although nobody reads the request.
            with contextlib.suppress(BrokenPipeError):
                send_request(connection, request)
        except BaseException:
            connection.close()
            raise
        return connection

    def _follow(self, report: Callable[[bool], None]) -> None:
        while not self._closed.is_set():
            try:
                self.answer(HEALTH_METHOD, b"", HEALTH_ANSWER_SECONDS, LOCAL)
                available = True
            except CallFailed:
                available = False
            report(available)
            self._closed.wait(HEALTH_SECONDS if available else RETRY_SECONDS)


def _await_answer(connection: socket.socket, seconds: float, caller: Caller) -> None:
    """Wait for the answer; raises BlockingIOError, and CallFailed when its caller has gone."""
    until = time.monotonic() + seconds
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    while not poller.poll(max(min(LOOK_SECONDS, until - time.monotonic()), 0) * 1000):
        if caller.is_gone():
            raise CallFailed(Status.CANCELLED, "the caller is gone")
        if time.monotonic() >= until:
            raise BlockingIOError


class CollectSocketWatch:
    """The stream of the collecting process."""

    def __init__(
        self, connection: socket.socket, unavailable: Callable[[Exception], CallFailed]
    ) -> None:
        self._connection = connection
        self._unavailable = unavailable
        self._cancelled = False

    def __iter__(self) -> "CollectSocketWatch":
        """Return the watch itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next change; raises CallFailed."""
        try:
            return receive_answer(self._connection)
        except (FrameError, OSError) as error:
            if self._cancelled:
                raise StopIteration from None
            raise self._unavailable(error) from None

    def cancel(self) -> None:
        """End the stream."""
        self._cancelled = True
        with contextlib.suppress(OSError):  # The other end may have closed it already.
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
