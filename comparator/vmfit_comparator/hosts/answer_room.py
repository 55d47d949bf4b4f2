"""The memory that agents' answers take: those in use, and those remembered.

An answer takes room for as long as anybody holds what `take` returned. None may take more than a
quarter of what is left: there is always some for the next, which hosts mostly need little of.
"""

import threading
from collections import deque
from collections.abc import Callable

import grpc

from vmfit_comparator.hosts.agent_error import AgentError

_SHARE_OF_THE_REST = 4


class NoRoomError(AgentError):
    """An answer that would take more than there is."""

    def __init__(self, reason: str) -> None:
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED, reason)


class Taken:
    """Room that was taken; it is given back when nobody holds this any more."""

    __slots__ = ("_given_back", "size")

    def __init__(self, size: int, given_back: "deque[int]") -> None:
        self.size = size
        self._given_back = given_back

    def __del__(self) -> None:
        """Give the room back, from whatever thread, in the midst of whatever it does."""
        self._given_back.append(self.size)


class AnswerRoom:
    """So many bytes. Safe to use from several threads."""

    def __init__(self, total: int, forget: Callable[[int], None]) -> None:
        """Have `forget` drop what is remembered, so many bytes of it, when there is no room."""
        self._total = total
        self._forget = forget
        self._lock = threading.Lock()
        self._used = 0
        # Without a lock: what ends a thread's hold of an answer may be the garbage collection
        # within `take`.
        self._given_back: deque[int] = deque()

    @property
    def used(self) -> int:
        """How much is taken."""
        with self._lock:
            return self._count()

    def take(self, size: int) -> Taken:
        """Take room for an answer. Raises NoRoomError."""
        taken = self._try(size)
        if taken is None:
            self._forget(size * _SHARE_OF_THE_REST)
            taken = self._try(size)
        if taken is None:
            raise NoRoomError(
                f"its answer takes {_mib(size)} MiB in memory, and {_mib(self._total - self.used)} "
                f"of {_mib(self._total)} MiB are left for all hosts' answers",
            )
        return taken

    def _try(self, size: int) -> Taken | None:
        with self._lock:
            if size * _SHARE_OF_THE_REST > self._total - self._count():
                return None
            self._used += size
            return Taken(size, self._given_back)

    def _count(self) -> int:
        while self._given_back:
            self._used -= self._given_back.popleft()
        return self._used


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f}"
