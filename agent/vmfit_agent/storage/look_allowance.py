"""What one description may take of the host: time, reading, and only while somebody waits."""

import time
from collections.abc import Callable

_SECONDS = 10.0
_HASHED_BYTES = 512 << 20


class CallerGone(Exception):  # noqa: N818 -- said of a caller
    """Nobody waits for the answer any more."""


class LookAllowance:
    """The allowance of one description, used up by one thread. Times by time.monotonic()."""

    def __init__(
        self,
        is_gone: Callable[[], bool] = lambda: False,
        seconds: float = _SECONDS,
        hashed_bytes: int = _HASHED_BYTES,
    ) -> None:
        self._is_gone = is_gone
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds
        self._left_bytes = hashed_bytes

    def require_time(self) -> None:
        """Raise TimeoutError when the time is used up, and CallerGone."""
        if self._is_gone():
            raise CallerGone
        if time.monotonic() > self._ends_at:
            raise TimeoutError(f"not looked at: those before it took more than {self._seconds:g} s")

    def hash(self, size: int) -> bool:
        """Return whether so many bytes more may be read for hashes."""
        if size > self._left_bytes:
            return False
        self._left_bytes -= size
        return True
