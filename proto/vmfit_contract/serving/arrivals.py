"""Requests that arrive: few at a time, and those that dawdle make room when others wait.

A call whose request never arrives costs one of these places, not a thread, and that only until
somebody else needs it. What arrives at once takes the memory of so many requests at most.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import TypeVar

from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.serving.budget import Budget
from vmfit_contract.serving.fair_places import FairPlaces
from vmfit_contract.serving.undisturbed import undisturbed

PLACES = 16
ARRIVAL_SECONDS = 10.0
"""How long a request may take to arrive."""
PATIENCE_SECONDS = 0.5
"""How long while others wait to send theirs; less the more there are."""
_LOOK_SECONDS = 0.01
_WAITING = 2048, 128
"""How many may wait or send, in all and of one caller."""

Message = TypeVar("Message")


class Arrivals:
    """Who is sending a request. For one event loop."""

    def __init__(self) -> None:
        self._places = FairPlaces(PLACES, PLACES)
        self._all = Budget("requests on their way", *_WAITING)
        self._arriving: dict[asyncio.Timeout, tuple[str, float]] = {}
        self._making_room: asyncio.Handle | None = None

    async def receive(self, key: str, read: Awaitable[Message]) -> Message:
        """Return what `read` gives; raises CallFailed when that does not arrive in time."""
        with self._all.using(key):
            return await self._in_turn(key, read)

    async def _in_turn(self, key: str, read: Awaitable[Message]) -> Message:
        loop = asyncio.get_running_loop()
        if not self._places.free and self._making_room is None:
            self._making_room = loop.call_soon(self._make_room)
        await self._places.take(key)
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS) as limit:
                self._arriving[limit] = key, loop.time()
                try:
                    return await undisturbed(read)
                finally:
                    self._arriving.pop(limit, None)
        except TimeoutError:
            message = "the request did not arrive in time"
            raise CallFailed(Status.DEADLINE_EXCEEDED, message) from None
        finally:
            self._places.give_back(key)

    def _make_room(self) -> None:
        """While anybody waits, end what arrives too slowly: first of those who have most."""
        self._making_room = None
        if not self._places.waiting:
            return
        loop = asyncio.get_running_loop()
        patience = PATIENCE_SECONDS / (1 + self._places.waiting / PLACES)
        counts = Counter(key for key, _ in self._arriving.values())
        late = [
            (-counts[key], since, limit)
            for limit, (key, since) in self._arriving.items()
            if loop.time() - since >= patience
        ]
        late.sort(key=lambda each: each[:2])
        for _, _, limit in late[: self._places.waiting]:
            del self._arriving[limit]
            limit.reschedule(loop.time())
        self._making_room = loop.call_later(_LOOK_SECONDS, self._make_room)
