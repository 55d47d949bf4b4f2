"""One request's work: done in turn with that of others, and for nobody who is gone."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import grpc

from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.hosts.fair_threads import FairThreads
from vmfit_comparator.hosts.light_errors import ANSWERS, light, twin
from vmfit_comparator.hosts.watcher import Watcher
from vmfit_contract.access import Caller

# How soon it is noticed that a caller is gone.
_LOOK_SECONDS = 0.1

Result = TypeVar("Result")
Given = ParamSpec("Given")
Each = TypeVar("Each")


class Turns:
    """What one request has done; a context, at whose end what was not begun is left undone."""

    def __init__(
        self, threads: FairThreads, caller: Caller, watcher: Watcher | None = None
    ) -> None:
        self._watcher = watcher
        self._threads = threads
        self._caller = caller
        self._request = (caller.share or caller.name, object())

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave undone what was not begun."""
        self._threads.drop(self._request)

    def begin(
        self, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> "Future[Result]":
        """Have something done when it is this request's turn. Raises EngineError when closed."""
        try:
            return self._threads.submit(
                self._request, partial(copy_context().run, _do, partial(work, *args, **kwargs))
            )
        except RuntimeError:
            raise _ended("the engine was closed") from None

    def follow(self, host: str, asked: "Future[Result]") -> "Future[Result]":
        """Tell who follows the request that a host is asked, and when it is done; return it."""
        watcher = self._watcher
        if watcher is not None:
            watcher.asked(host)
            asked.add_done_callback(lambda _: watcher.answered(host))
        return asked

    def result(self, begun: "Future[Result]") -> Result:
        """Wait for the result; raises what the work raised, EngineError when the caller is gone."""
        self.go_on()
        while not wait([begun], _LOOK_SECONDS).done:
            self.go_on()
        if begun.cancelled():
            raise _ended("the engine was closed")
        error = begun.exception()
        if isinstance(error, ANSWERS):
            raise twin(error)
        return begun.result()

    def results(
        self,
        work: Callable[[Each], Result],
        of: Iterable[Each],
        host_of: Callable[[Each], str] | None = None,
    ) -> Iterator[Result]:
        """Do the same for all side by side; return the results in order.

        `host_of` tells which host each is about, where somebody follows that.
        """
        begun = []
        for each in of:
            future = self.begin(work, each)
            begun.append(self.follow(host_of(each), future) if host_of else future)
        return map(self.result, begun)

    def go_on(self) -> None:
        """Raise EngineError when nobody waits for the answer any more."""
        if self._caller.is_gone():
            raise _ended("the caller is gone")


def _do(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except ANSWERS as error:
        raise light(error) from None


def _ended(why: str) -> EngineError:
    return EngineError(grpc.StatusCode.CANCELLED, why)
