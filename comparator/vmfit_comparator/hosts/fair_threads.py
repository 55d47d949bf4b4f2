"""Threads in which agents are asked: those that wait for silent ones hold up nobody else.

Only so many work at once, since more would spend their time on taking turns; who has waited for a
while does not count among them any more. Callers share what may wait in all: nobody takes more than
is left to the others, so that there is always room for one more, and of a caller's share no request
takes more than is left to its other requests.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

AT_MOST = 128
AT_WORK = 32
"""How many of them are taken to work, not to wait."""
_PATIENCE_SECONDS = 0.2
_IDLE_SECONDS = 10.0
_END_SECONDS = 2.0

Request = tuple[str, object]
"""The caller's share, and which of its requests."""


Key = TypeVar("Key")


class _Task(NamedTuple):
    future: "Future[Any]"
    work: Callable[[], Any]


class FairThreads:
    """Does work for requests. Safe to use from several threads."""

    def __init__(self, at_most: int = AT_MOST, at_work: int = AT_WORK) -> None:
        self._at_most = at_most
        self._at_work = at_work
        self._changed = threading.Condition()
        # In turn: who was served last stands at the end.
        self._lines: dict[Request, deque[_Task]] = {}
        self._began: dict[object, float] = {}
        self._of_callers: Counter[str] = Counter()
        self._of_requests: Counter[Request] = Counter()
        self._threads: set[threading.Thread] = set()
        self._starting = self._idle = 0
        self._closed = False

    def submit(self, request: Request, work: Callable[[], Any]) -> "Future[Any]":
        """Do some work when it is its request's turn; RuntimeError when closed."""
        future: Future[Any] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("closed")
            self._lines.setdefault(request, deque()).append(_Task(future, work))
            self._wake()
        return future

    def drop(self, request: Request) -> None:
        """Leave undone what was not begun of a request's work."""
        with self._changed:
            dropped = self._lines.pop(request, ())
        _cancel(dropped)

    def close(self) -> None:
        """Leave undone what was not begun, and wait a moment for the rest."""
        with self._changed:
            self._closed = True
            dropped = [each for line in self._lines.values() for each in line]
            self._lines.clear()
            self._changed.notify_all()
            threads = list(self._threads)
        _cancel(dropped)
        until = time.monotonic() + _END_SECONDS
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0))

    def _wake(self) -> None:
        """Have an idle thread look for work, or a new one; one more watches than may be busy."""
        waiting = len(self._began) - self._working()
        if self._idle:
            self._changed.notify()
        elif not self._starting and len(self._threads) <= min(
            self._at_most, waiting + self._at_work
        ):
            self._starting = 1
            thread = threading.Thread(target=self._serve, name="vmfit-ask", daemon=True)
            self._threads.add(thread)
            thread.start()

    def _serve(self) -> None:
        me = object()
        with self._changed:
            self._starting = 0
        while True:
            with self._changed:
                found = self._next(me)
                if found is None:
                    self._threads.discard(threading.current_thread())
                    return
            request, task = found
            try:
                _do(task)
            finally:
                with self._changed:
                    self._end(me, request)
            # Nothing of what was done is kept until the next work comes.
            del found, task

    def _next(self, me: object) -> tuple[Request, _Task] | None:
        """Wait for work whose turn it is, and begin it; None when there is none for long."""
        while not self._closed:
            request = self._in_turn()
            if request is not None:
                return request, self._begin(me, request)
            self._idle += 1
            told = self._changed.wait(self._look_again_seconds())
            self._idle -= 1
            if not told and not self._lines:
                return None
        return None

    def _in_turn(self) -> Request | None:
        if self._working() >= self._at_work:
            return None
        return next((each for each in self._lines if self._may_begin(each)), None)

    def _working(self) -> int:
        """Return how many of those that began have not waited for a while yet."""
        now = time.monotonic()
        return sum(now - since < _PATIENCE_SECONDS for since in self._began.values())

    def _may_begin(self, request: Request) -> bool:
        of_caller = self._of_callers[request[0]]
        left_to_others = self._at_most - len(self._began) - of_caller
        return self._of_requests[request] < left_to_others

    def _begin(self, me: object, request: Request) -> _Task:
        line = self._lines.pop(request)
        task = line.popleft()
        if line:
            self._lines[request] = line
        self._began[me] = time.monotonic()
        self._of_callers[request[0]] += 1
        self._of_requests[request] += 1
        if self._lines:
            self._wake()
        return task

    def _end(self, me: object, request: Request) -> None:
        del self._began[me]
        _count_down(self._of_callers, request[0])
        _count_down(self._of_requests, request)
        if self._lines and self._idle:
            self._changed.notify()

    def _look_again_seconds(self) -> float:
        if not self._lines or not self._began:
            return _IDLE_SECONDS
        now = time.monotonic()
        waits = [since + _PATIENCE_SECONDS - now for since in self._began.values()]
        return min((each for each in waits if each > 0), default=_IDLE_SECONDS)


def _count_down(counter: Counter[Key], key: Key) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


def _cancel(tasks: Iterable[_Task]) -> None:
    for each in tasks:
        each.future.cancel()
        # Only then do those who wait for several hear of it.
        each.future.set_running_or_notify_cancel()


def _do(task: _Task) -> None:
    if not task.future.set_running_or_notify_cancel():
        return
    try:
        result = task.work()
    except BaseException as error:  # noqa: BLE001 -- who waits for the result gets it
        task.future.set_exception(error)
    else:
        task.future.set_result(result)
    finally:
        # The error's frames hold this one.
        del task
