"""Calls of a service: answered in threads, which callers share fairly."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from vmfit.v1.rpcs import Rpc
from vmfit_contract.access import Caller
from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.serving.budget import Budget
from vmfit_contract.serving.conversation import STOPPING, Call
from vmfit_contract.serving.fair_places import FairPlaces
from vmfit_contract.serving.memory import give_back_soon
from vmfit_contract.serving.service import Limits, OpenStream, Service, Share
from vmfit_contract.serving.watching import Watching


class Answering:
    """Answers the calls of one service. For one event loop."""

    def __init__(self, service: Service, limits: Limits, watch: OpenStream | None) -> None:
        self._service = service
        self._open_stream = watch
        self._limits = limits
        self._calls = Budget("calls", *limits.calls)
        self._held = Budget("bytes", *limits.bytes_held)
        self._watches = Budget("streams", *limits.watches)
        shares = {rpc.method: _share(rpc, limits) for rpc in service.rpcs.values()}
        self._places = {method: FairPlaces(*share) for method, share in shares.items()}
        threads = limits.watches.total + sum(share.total for share in shares.values())
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="rpc")

    async def answer(self, rpc: Rpc, call: Call) -> None:
        """Answer a call that has one response; raises CallFailed, and TimeoutError."""
        request = _Request(await call.request())
        gone = threading.Event()
        caller = replace(call.caller, share=call.key, is_gone=gone.is_set)
        try:
            with self._calls.using(call.key):
                await self._answer(rpc, call, request, caller)
        finally:
            gone.set()
            request.drop()
            give_back_soon(request.size)

    async def watch(self, rpc: Rpc, call: Call) -> None:  # noqa: ARG002 -- a service has one
        """Send what a stream gives until the caller goes away; raises CallFailed."""
        message = await call.request()
        assert self._open_stream is not None
        watching = Watching(call, partial(self._open_stream, message, call.caller))
        self._watches.take(call.key)
        work = asyncio.get_running_loop().run_in_executor(self._threads, watching.send_all)

        def done(worked: "asyncio.Future[None]") -> None:
            self._watches.give_back(call.key)
            worked.exception()  # Otherwise asyncio complains that nobody asked.

        work.add_done_callback(done)
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            watching.end()
            raise
        raise CallFailed(
            Status.UNAVAILABLE, STOPPING, cause=Cause(Reason.STOPPING, retry_seconds=1)
        )

    def close(self) -> None:
        """Start no more threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _seconds(self, call: Call) -> float:
        remaining = call.context.time_remaining()
        if remaining is None:
            return self._limits.default_seconds
        return max(min(remaining, self._limits.longest_seconds), 0.0)

    async def _answer(self, rpc: Rpc, call: Call, request: "_Request", caller: Caller) -> None:
        until = asyncio.get_running_loop().time() + self._seconds(call)

        def work(seconds: float) -> bytes:
            try:
                return self._service.answer(rpc.method, request.take(), seconds, caller)
            except CallFailed as failure:
                # The frames that it was raised through hold the request, and who keeps it.
                failure.__cause__ = failure.__context__ = None
                raise failure.with_traceback(None) from None

        async with asyncio.timeout_at(until):
            places = self._places[rpc.method]
            answer = await self._in_turn(places, call.key, request.size, until, work)
            with self._held.using(call.key, len(answer)):
                await call.send(answer)

    async def _in_turn(
        self,
        places: FairPlaces,
        key: str,
        size: int,
        until: float,
        work: Callable[[float], bytes],
    ) -> bytes:
        """Return what the work returns, done in a thread when it is the caller's turn.

        A thread goes on when nobody waits for it any more, and keeps place and memory as long.
        """
        loop = asyncio.get_running_loop()
        self._held.take(key, size)
        try:
            await places.take(key)
        except BaseException:
            self._held.give_back(key, size)
            raise

        def done(worked: "asyncio.Future[bytes]") -> None:
            places.give_back(key)
            self._held.give_back(key, size)
            give_back_soon(size)
            worked.exception()  # As above.

        in_context = contextvars.copy_context().run
        worked = loop.run_in_executor(self._threads, in_context, work, until - loop.time())
        worked.add_done_callback(done)
        return await asyncio.shield(worked)


class _Request:
    """A request's bytes, let go as soon as nobody needs them, whoever still holds this object."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self.size = len(message)

    def take(self) -> bytes:
        """Return the bytes, and keep them no longer."""
        message, self._message = self._message, b""
        return message

    def drop(self) -> None:
        """Keep the bytes no longer."""
        self._message = b""


def _share(rpc: Rpc, limits: Limits) -> Share:
    return limits.costly if rpc.costly else limits.working
