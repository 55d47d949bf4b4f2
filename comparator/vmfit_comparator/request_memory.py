"""Requests are read only when what they take in memory is known, and is there.

Two bytes of a request can take a hundred when they are read: a megabyte of its bytes says little.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from google.protobuf.message import DecodeError, Message

from vmfit_contract.access import Caller
from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.serving.budget import Budget
from vmfit_contract.unfolding import TooLargeError, check_unfolded

_MIB = 1024 * 1024
MAX_REQUEST_BYTES = 128 * _MIB
"""What one request may take: hundreds of usual hosts' snapshots."""
_ALL_BYTES = 512 * _MIB
_CALLERS_BYTES = 256 * _MIB
# So small that there is no need to count.
_FEW_BYTES = 16 * 1024
_MANY = 1 << 40


class RequestMemory:
    """The memory of all requests that are being answered. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # To count takes memory too, ten times the request at worst.
        self._counting = threading.Lock()
        self._budget = Budget("bytes of requests in memory", _ALL_BYTES, _CALLERS_BYTES)

    @contextmanager
    def reading(self, kind: type[Message], content: bytes, caller: Caller) -> Iterator[Message]:
        """Give the request, whose memory is in use as long as the block; raises CallFailed."""
        size = self._size(kind, content)
        key = caller.share or caller.name
        with self._lock:
            self._budget.take(key, size)
        try:
            yield _message(kind, content)
        finally:
            with self._lock:
                self._budget.give_back(key, size)

    def _size(self, kind: type[Message], content: bytes) -> int:
        if len(content) <= _FEW_BYTES:
            return len(content)
        try:
            with self._counting:
                sizes = check_unfolded(
                    content, kind, max_bytes=MAX_REQUEST_BYTES, max_elements=_MANY, max_texts=_MANY
                )
        except TooLargeError as error:
            raise CallFailed(Status.INVALID_ARGUMENT, str(error), error.field) from None
        except DecodeError as error:
            raise _malformed(error) from None
        return len(content) + sum(sizes.values())


def _message(kind: type[Message], content: bytes) -> Message:
    try:
        return kind.FromString(content)
    except DecodeError as error:
        raise _malformed(error) from None


def _malformed(error: DecodeError) -> CallFailed:
    return CallFailed(Status.INVALID_ARGUMENT, f"the request is malformed: {error}")
