"""One call from its arrival to its end: who may, what it may have, what it is answered."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc

from vmfit_contract.access import Caller, Role
from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.serving.arrivals import Arrivals
from vmfit_contract.serving.callers import Callers
from vmfit_contract.serving.context import Context
from vmfit_contract.serving.observer import EndedCall, Observer, Observers
from vmfit_contract.serving.refusals import denied, refuse
from vmfit_contract.serving.undisturbed import undisturbed
from vmfit_contract.unexpected import unexpected

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Call:
    """A call under way."""

    context: Context
    caller: Caller
    key: str
    """What the caller shares places with."""
    arrivals: Arrivals

    async def receive(self) -> bytes | None:
        """Return the next request, None when there are no more; raises CallFailed."""
        message: Any = await self.arrivals.receive(self.key, self.context.read())
        return message if isinstance(message, bytes) else None

    async def request(self) -> bytes:
        """Return the only request; raises CallFailed."""
        message = await self.receive()
        if message is None:
            raise CallFailed(Status.INVALID_ARGUMENT, "the call has no request")
        return message

    async def send(self, message: bytes) -> None:
        """Send a response."""
        await undisturbed(self.context.write(message))


STOPPING = "the service is stopping"
"""Why a call is refused, or a stream ends whose client is still there."""

Talk = Callable[[Call], Awaitable[None]]


class Conversations:
    """Makes gRPC's handlers of what talks with a caller that may."""

    def __init__(self, callers: Callers, observer: Observer | None = None) -> None:
        self._callers = callers
        self._observer = Observers(observer)
        self._arrivals = Arrivals()
        self._under_way = 0
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    def handler(
        self, path: str, role: Role | None, talk: Talk
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return a handler for callers that have the role; None: for all that are known."""

        async def converse(_: object, context: Context) -> None:
            self._under_way += 1
            self._idle.clear()
            context.add_done_callback(self._ended)
            began = time.monotonic()
            self._observer.began(path, partial(_metadata, context))
            # What a caller that goes away is left with.
            status = Status.CANCELLED.name
            try:
                failure = await self._failure(path, role, talk, context)
                status = "OK" if failure is None else failure.status.name
            finally:
                self._note(path, status, time.monotonic() - began, context)
            if failure is not None and not context.done():
                await refuse(context, failure)

        # For gRPC a request that streams is one that the handler itself reads.
        return grpc.stream_stream_rpc_method_handler(converse)

    def _note(self, path: str, status: str, seconds: float, context: Context) -> None:
        caller = self._callers.peer(context).caller.name
        self._observer.ended(EndedCall(path, status, seconds, caller))
        if _LOG.isEnabledFor(logging.DEBUG):
            _LOG.debug(
                "%s for %s: %s after %.3f s", path, caller, status, seconds,
                extra={"fields": {"METHOD": path, "CALLER": caller, "STATUS": status}},
            )  # fmt: skip

    def _ended(self, _: object) -> None:
        # gRPC sends the status of a call after who answered it is done.
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    async def end(self, seconds: float) -> None:
        """Wait for the end of the calls under way, and refuse all that come meanwhile.

        gRPC itself would cancel these, which tells their callers nothing.
        """
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def _failure(
        self, path: str, role: Role | None, talk: Talk, context: Context
    ) -> CallFailed | None:
        """Talk with the caller; return why that failed."""
        if self._stopping:
            return CallFailed(Status.UNAVAILABLE, STOPPING)
        try:
            peer = self._callers.peer(context)
            if role is not None and not peer.caller.may(role):
                return denied(peer.caller.name, path, role)
            await talk(Call(context, peer.caller, peer.key, self._arrivals))
        except CallFailed as failure:
            return _without_frames(failure)
        except TimeoutError:
            return CallFailed(Status.DEADLINE_EXCEEDED, "no answer in time")
        except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs its own call alone
            return None if context.done() else unexpected(path, error)
        return None


def _without_frames(failure: CallFailed) -> CallFailed:
    """Let go of the calls that raised it: they hold requests, and it may be held in a circle."""
    failure.__context__ = None
    return failure.with_traceback(None)


def _metadata(context: Context) -> Mapping[str, str]:
    return {name: value for name, value in context.invocation_metadata() if isinstance(value, str)}
