"""The nonces by which this agent's hashes of content are keyed."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from vmfit_contract.content_key import content_key

_BYTES = 32
_SECONDS = 3600.0
_ACCEPTED = 3


class ForeignNoncesError(Exception):
    """None of the nonces is this agent's own, or it was given out too long ago."""

    def __init__(self) -> None:
        super().__init__("none of the nonces is this agent's: take the latest snapshot's")


class ContentNonces:
    """Random nonces, an hour each, of which the last three count. Safe to use from several threads.

    A hash tells something only beside another of the same key. Who asks cannot choose the key: one
    of this agent's nonces is in it, which nobody could know before. So no table of hashes can be
    made beforehand, and no other's hash can be had by asking this agent.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._issued: deque[tuple[float, bytes]] = deque(maxlen=_ACCEPTED)
        self._lock = threading.Lock()

    def current(self) -> bytes:
        """Return the nonce to give out now."""
        now = self._clock()
        with self._lock:
            if not self._issued or now - self._issued[-1][0] >= _SECONDS:
                self._issued.append((now, os.urandom(_BYTES)))
            return self._issued[-1][1]

    def key(self, nonces: Iterable[bytes]) -> bytes:
        """Return the key of all the nonces; ForeignNoncesError when none is this agent's own."""
        named = set(nonces)
        oldest = self._clock() - _ACCEPTED * _SECONDS
        with self._lock:
            own = {nonce for issued_at, nonce in self._issued if issued_at > oldest}
        if own.isdisjoint(named):
            raise ForeignNoncesError
        return content_key(named)


# One for the process: what it gives out with snapshots is what it takes with questions.
CONTENT_NONCES = ContentNonces()
