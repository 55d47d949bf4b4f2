"""Which calls are tried again, and when."""

import random
import time
from typing import Any

import grpc
import tenacity

from vmfit_client.failure import VmfitError

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_ATTEMPTS = 6
# Another attempt needs some time to be answered.
_SHORTEST_ATTEMPT_SECONDS = 0.05


class Deadline:
    """One limit of time for a call and all that it is tried again."""

    def __init__(self, seconds: float) -> None:
        """Begin now. Raises VmfitError when this is no time."""
        if not 0 < seconds < float("inf"):
            raise VmfitError(f"timeout: {seconds} is not a number of seconds above 0")
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that the next attempt has, more than 0."""
        return max(self._end - time.monotonic(), 0.001)

    def is_near(self, state: tenacity.RetryCallState) -> bool:
        """Return whether another attempt would come too late."""
        return self.left() - state.upcoming_sleep < _SHORTEST_ATTEMPT_SECONDS


def retrying(deadline: Deadline) -> dict[str, Any]:
    """Return what tenacity's Retrying and AsyncRetrying take.

    Tried again is what the server says makes sense to ask again (google.rpc.RetryInfo), after the
    time that it says, and a comparator that cannot be reached. No call of the comparator does
    anything twice.
    """
    return {
        "stop": lambda state: state.attempt_number >= _ATTEMPTS or deadline.is_near(state),
        "wait": _pause,
        "retry": tenacity.retry_if_exception(_passes),
        "reraise": True,
    }


def _passes(error: BaseException) -> bool:
    if not isinstance(error, VmfitError):
        return False
    # Without a reason it was not the comparator that answered.
    unreached = error.code is grpc.StatusCode.UNAVAILABLE and not error.reason
    return error.retry_seconds is not None or unreached


def _pause(state: tenacity.RetryCallState) -> float:
    """Return seconds: what the server said, at least, and longer each time, never all at once."""
    error = state.outcome.exception() if state.outcome else None
    asked = (error.retry_seconds or 0.0) if isinstance(error, VmfitError) else 0.0
    pause = min(_FIRST_PAUSE_SECONDS * 2 ** (state.attempt_number - 1), _LONGEST_PAUSE_SECONDS)
    return max(asked, 0.0) + random.uniform(pause / 2, pause)  # noqa: S311 -- jitter
