"""Places that many want: so many in all, so many for each, and the waiting take turns by key.

Whoever asks for much waits behind their own requests, and nobody behind another's. For one event
loop.
"""

import asyncio
from collections import Counter, OrderedDict, deque


class FairPlaces:
    """Places by key."""

    def __init__(self, places: int, per_key: int) -> None:
        self._free = places
        self._per_key = per_key
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def free(self) -> int:
        """How many places are free."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many wait for a place, in all."""
        return sum(map(len, self._waiting.values()))

    async def take(self, key: str) -> None:
        """Wait for a place and take it."""
        if self._free and key not in self._waiting and self._may_take(key):
            self._take(key)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(key)  # It was given to who went away at that moment.
            else:
                self._forget(key, turn)
            raise

    def give_back(self, key: str) -> None:
        """Free a place, for the next in turn."""
        self._free += 1
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]
        self._serve_waiting()

    def _serve_waiting(self) -> None:
        while self._free:
            key = next((each for each in self._waiting if self._may_take(each)), None)
            if key is None:
                return
            turn = self._waiting[key].popleft()
            self._waiting.move_to_end(key)
            if not self._waiting[key]:
                del self._waiting[key]
            if not turn.done():
                self._take(key)
                turn.set_result(None)

    def _may_take(self, key: str) -> bool:
        return self._held[key] < self._per_key

    def _take(self, key: str) -> None:
        self._free -= 1
        self._held[key] += 1

    def _forget(self, key: str, turn: "asyncio.Future[None]") -> None:
        line = self._waiting.get(key)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._waiting[key]
