"""A cache that is bounded by the bytes that it holds, not by their number."""

import threading
from collections import OrderedDict

# What an entry costs beside its bytes.
_OVERHEAD_BYTES = 200


class ByteCache:
    """Keeps the values used last. Safe to use from several threads."""

    def __init__(self, maximum_bytes: int) -> None:
        """Keys count too; a value larger than an eighth of the maximum is not kept."""
        self._maximum_bytes = maximum_bytes
        self._largest_bytes = maximum_bytes // 8
        self._bytes = 0
        self._values: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept under a key; None when there is nothing."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value; those not used for longest make room."""
        size = _size(key, value)
        with self._lock:
            self._drop(key)
            if size > self._largest_bytes:
                return
            self._values[key] = value
            self._bytes += size
            while self._bytes > self._maximum_bytes:
                self._drop(next(iter(self._values)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0

    def held_bytes(self) -> int:
        """Return what the entries cost together."""
        with self._lock:
            return self._bytes

    def _drop(self, key: bytes) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._bytes -= _size(key, value)


def _size(key: bytes, value: bytes) -> int:
    return len(key) + len(value) + _OVERHEAD_BYTES
