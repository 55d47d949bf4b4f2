"""Places in which questions of one kind are answered, shared fairly among callers."""

import threading
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from typing import Protocol


class Waiting(Protocol):
    """What waits for a place."""

    caller: Hashable
    request: Hashable
    """Which of the caller's requests it belongs to."""

    def is_wanted(self) -> bool:
        """Return whether anybody still waits for it."""

    def start(self) -> bool:
        """Begin, and give the place back at the end; False when it cannot begin. Never waits."""


class Places:
    """Places that are shared, and further ones for those that hold none.

    A caller takes another shared place while it holds fewer than are free: one caller gets half of
    them, of N callers each a part in N + 1. A request that holds none gets a first place even when
    the others are slow and hold all shared ones, as long as its caller holds fewer of all places
    than are free. Whoever holds least comes first. Safe to use from several threads.
    Source: dynamic thresholds (Choudhury and Hahne, 1998).
    """

    def __init__(self, shared: int, first: int) -> None:
        """`first` is as many as there are requests at once."""
        self._free = shared + first
        self._first = first
        self._held_by_caller: Counter[Hashable] = Counter()
        self._held_by_request: Counter[Hashable] = Counter()
        # By request, in the order of arrival.
        self._waiting: dict[Hashable, deque[Waiting]] = {}
        self._lock = threading.Lock()

    def enter(self, waiting: Waiting) -> None:
        """Start it as soon as it may have a place: at once, or from a thread that gives one back.

        What is not wanted any more by then is never started.
        """
        with self._lock:
            self._waiting.setdefault(waiting.request, deque()).append(waiting)
        self._start_next()

    def give_back(self, done: Waiting) -> None:
        """Give back the place of what was started."""
        self._release(done)
        self._start_next()

    def forget(self, request: Hashable) -> None:
        """Drop what waits of a request."""
        with self._lock:
            self._waiting.pop(request, None)

    def _release(self, done: Waiting) -> None:
        with self._lock:
            self._free += 1
            for held, holder in self._holds(done):
                held[holder] -= 1
                if not held[holder]:
                    del held[holder]

    def _start_next(self) -> None:
        while True:
            with self._lock:
                found = self._next()
                if found is None:
                    return
                self._free -= 1
                for held, holder in self._holds(found):
                    held[holder] += 1
            if not found.start():
                self._release(found)

    def _next(self) -> Waiting | None:
        for request in list(self._waiting):
            waiting = self._waiting[request]
            while waiting and not waiting[0].is_wanted():
                waiting.popleft()
            if not waiting:
                del self._waiting[request]
        heads = (each[0] for each in self._waiting.values())
        allowed = [each for each in heads if self._may_have_one(each)]
        if not allowed:
            return None
        found = min(allowed, key=lambda each: [held[one] for held, one in self._holds(each)])
        # Of those that hold as much, who came longest ago is next.
        rest = self._waiting.pop(found.request)
        rest.popleft()
        if rest:
            self._waiting[found.request] = rest
        return found

    def _may_have_one(self, waiting: Waiting) -> bool:
        holds_none = not self._held_by_request[waiting.request]
        free = self._free if holds_none else self._free - self._first
        return self._held_by_caller[waiting.caller] < free

    def _holds(self, one: Waiting) -> Iterator[tuple[Counter[Hashable], Hashable]]:
        yield self._held_by_caller, one.caller
        yield self._held_by_request, one.request
