"""One process that evaluates CEL, as the comparator sees it."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vmfit_comparator.policies.cel.errors import (
    ExpressionError,
    InterpreterUnavailableError,
    TooCostlyError,
)
from vmfit_comparator.policies.cel.frames import packed, read_frame

_PROGRAM = "vmfit_comparator.policies.cel.program"
# Of a host that is busy; it takes a quarter of a second.
_START_SECONDS = 20.0
_OUT_OF_MEMORY = 3
_CHUNK_BYTES = 1 << 20

Given = bool | str | int | ExpressionError
"""What an expression gives, or why it gives nothing."""


class InterpreterProcess:
    """A process that was started for one comparator; for one thread at a time."""

    def __init__(self) -> None:
        """Start it. Raises InterpreterUnavailableError."""
        # It has answered nothing yet: what it fails at is the expression's own doing.
        self._is_fresh = True
        self._connection, theirs = socket.socketpair()
        try:
            with theirs:
                # -P: a directory that the comparator was started in has no say in what is imported.
                self._process = subprocess.Popen(  # noqa: S603 -- the interpreter that runs this
                    [sys.executable, "-P", "-m", _PROGRAM],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                )
        except (OSError, ValueError) as error:
            self._connection.close()
            raise InterpreterUnavailableError(_not_started(str(error))) from None
        try:
            read_frame(lambda count: self._read(count, time.monotonic() + _START_SECONDS))
        except (OSError, EOFError, ValueError) as error:
            self.end()
            raise InterpreterUnavailableError(_not_started(str(error) or "it ended")) from None

    def answers(
        self, header: Mapping[str, Any], contents: Sequence[bytes], until: float
    ) -> Iterator[Given]:
        """Yield what each of the header's expressions gives, by `until`.

        Raises TooCostlyError when the process ends with the next expression, and
        InterpreterUnavailableError when its time is over; the process has ended then.
        """
        request = packed([json.dumps(header).encode(), *contents])
        try:
            self._write(request, until)
            for _ in header["texts"]:
                (answer,) = read_frame(lambda size: self._read(size, until))
                yield _given(answer)
        except TimeoutError:
            self.end()
            raise InterpreterUnavailableError("was not evaluated in time") from None
        except (OSError, EOFError, ValueError):
            raise self._ended() from None
        except BaseException:
            # Whoever asked is gone: the answers that are on their way are nobody's.
            self.end()
            raise
        self._is_fresh = False

    @property
    def is_alive(self) -> bool:
        """The process still runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """End the process, whatever it does."""
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def _ended(self) -> TooCostlyError:
        self._connection.close()
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            self.end()
            status = 0
        # What others left behind takes memory, and no time.
        if status == -signal.SIGPROF:
            return TooCostlyError("takes more time than an expression may", is_certain=True)
        reason = f"ended its interpreter (status {status})"
        if status in (_OUT_OF_MEMORY, -signal.SIGKILL, -signal.SIGABRT):
            reason = "takes more memory than an expression may"
        return TooCostlyError(reason, is_certain=self._is_fresh)

    def _write(self, content: bytes, until: float) -> None:
        view = memoryview(content)
        while view:
            self._connection.settimeout(max(until - time.monotonic(), 0.001))
            view = view[self._connection.send(view[:_CHUNK_BYTES]) :]

    def _read(self, count: int, until: float) -> bytes:
        content = bytearray()
        while len(content) < count:
            self._connection.settimeout(max(until - time.monotonic(), 0.001))
            part = self._connection.recv(min(count - len(content), _CHUNK_BYTES))
            if not part:
                raise EOFError
            content += part
        return bytes(content)


def _given(answer: bytes) -> Given:
    tree = json.loads(answer)
    if "error" in tree:
        return ExpressionError(str(tree["error"]))
    value = tree["gives"]
    return value if isinstance(value, bool | str | int) else ExpressionError("gives nothing")


def _not_started(why: str) -> str:
    return f"the interpreter of expressions could not be started: {why}"
