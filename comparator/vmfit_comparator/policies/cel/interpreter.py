"""Compiles and evaluates expressions in a few processes, which are started when first needed."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from google.protobuf.message import Message

from vmfit_comparator.policies.cel.errors import (
    ExpressionError,
    InterpreterUnavailableError,
    TooCostlyError,
)
from vmfit_comparator.policies.cel.process import Given, InterpreterProcess
from vmfit_comparator.policies.cel.scope import Scope

PROCESSES = 2
"""So many expressions are evaluated at once; more wait for their turn."""

# How long to wait for a process, and what the expressions of one policy may take together.
_SECONDS = 5.0
# Ending a process costs a quarter of a second: an expression that does so is not tried at once
# again, and of one policy's no more than these are tried.
_BANNED_SECONDS = 60.0
_MAX_BANNED = 256
_MAX_ENDED = 3


class Interpreter:
    """Processes that evaluate CEL. Safe to use from several threads.

    A process costs some 25 MB; none is started before there is an expression.
    """

    def __init__(self, processes: int = PROCESSES) -> None:
        self._changed = threading.Condition()
        self._idle: list[InterpreterProcess] = []
        self._room = processes
        self._is_closed = False
        self._banned: OrderedDict[tuple[str, str], tuple[float, TooCostlyError]] = OrderedDict()

    def compile(self, scope: Scope, texts: Sequence[str]) -> list[str | ExpressionError]:
        """Return the name of each expression's type, such as "BOOL", or what is wrong with it."""
        header = {"work": "compile", "scope": scope.name}
        results = self._results(header, texts, ())
        return [each if isinstance(each, ExpressionError) else str(each) for each in results]

    def evaluate(
        self, scope: Scope, texts: Sequence[str], values: Sequence[tuple[str, Message]]
    ) -> list[Given]:
        """Return what each expression gives with the variables' values, or why it gives nothing.

        A variable that is a map has a value for each of its messages.
        """
        names = [name for name, _ in values]
        header = {"work": "evaluate", "scope": scope.name, "variables": names}
        return self._results(header, texts, [each.SerializeToString() for _, each in values])

    def close(self) -> None:
        """End the processes; what is evaluated meanwhile is not evaluated to its end."""
        with self._changed:
            self._is_closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for process in idle:
            process.end()

    def _results(
        self, header: Mapping[str, Any], texts: Sequence[str], contents: Sequence[bytes]
    ) -> list[Given]:
        work = f"{header['work']} {header['scope']}"
        results: dict[str, Given] = {}
        for text in texts:
            results |= self._ban(work, text)
        seconds = _SECONDS
        for _ in range(_MAX_ENDED):
            waiting = [text for text in dict.fromkeys(texts) if text not in results]
            if not waiting:
                break
            found, error, spent = self._run({**header, "texts": waiting}, contents, seconds)
            seconds = max(seconds - spent, 0.0)
            results |= zip(waiting, found, strict=False)
            if isinstance(error, TooCostlyError):
                costly = waiting[len(found)]
                results[costly] = error
                self._forbid(work, costly, error)
            elif error is not None:
                results |= dict.fromkeys(waiting[len(found) :], error)
        unknown = InterpreterUnavailableError("was not evaluated: others took too much before it")
        return [results.get(text, unknown) for text in texts]

    def _run(
        self, header: Mapping[str, Any], contents: Sequence[bytes], seconds: float
    ) -> tuple[list[Given], ExpressionError | None, float]:
        """Return what the first expressions give, what is wrong with the next, the seconds spent.

        A process that ends has worked for others before, maybe, who left it too little: then
        nothing is wrong yet, and the next one is to be tried again.
        """
        found: list[Given] = []
        wrong: ExpressionError | None = None
        try:
            process = self._take(time.monotonic() + _SECONDS)
        except InterpreterUnavailableError as error:
            return found, error, 0.0
        began = time.monotonic()
        try:
            for given in process.answers(header, contents, began + seconds):
                found.append(given)  # noqa: PERF402 -- those before an error count
        except TooCostlyError as error:
            wrong = error if error.is_certain else None
        except InterpreterUnavailableError as error:
            wrong = error
        finally:
            self._give_back(process)
        return found, wrong, time.monotonic() - began

    def _take(self, until: float) -> InterpreterProcess:
        with self._changed:
            while not (self._is_closed or self._idle or self._room):
                if not self._changed.wait(until - time.monotonic()):
                    raise InterpreterUnavailableError("was not evaluated: others take all the time")
            if self._is_closed:
                raise InterpreterUnavailableError("was not evaluated: the comparator ends")
            if self._idle:
                return self._idle.pop()
            self._room -= 1
        try:
            return InterpreterProcess()
        except BaseException:
            self._make_room()
            raise

    def _give_back(self, process: InterpreterProcess) -> None:
        if not process.is_alive:
            self._make_room()
            return
        with self._changed:
            if not self._is_closed:
                self._idle.append(process)
                self._changed.notify()
                return
        process.end()

    def _make_room(self) -> None:
        with self._changed:
            self._room += 1
            self._changed.notify()

    def _ban(self, work: str, text: str) -> dict[str, Given]:
        with self._changed:
            since, error = self._banned.get((work, text), (float("-inf"), None))
        if error is None or time.monotonic() - since > _BANNED_SECONDS:
            return {}
        return {text: error}

    def _forbid(self, work: str, text: str, error: TooCostlyError) -> None:
        with self._changed:
            self._banned[work, text] = time.monotonic(), error
            self._banned.move_to_end((work, text))
            while len(self._banned) > _MAX_BANNED:
                self._banned.popitem(last=False)


@cache
def shared_interpreter() -> Interpreter:
    """Return the interpreter of whoever has none of its own; its processes end with this one."""
    return Interpreter()
