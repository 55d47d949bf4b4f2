"""What may be in use at once: so much in all, so much for each caller. For one event loop."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from vmfit_contract.call_failed import CallFailed, Status
from vmfit_contract.reasons import Cause, Reason

_RETRY_SECONDS = 1.0


class Budget:
    """Calls, streams or bytes by key."""

    def __init__(self, what: str, total: int, per_key: int) -> None:
        self._what = what
        self._total = total
        self._per_key = per_key
        self._held: Counter[str] = Counter()
        self._used = 0

    @property
    def used(self) -> int:
        """How much is in use, in all."""
        return self._used

    def take(self, key: str, amount: int = 1) -> None:
        """Take an amount; raises CallFailed when that is more than there may be."""
        for used, most, whose in (
            (self._held[key], self._per_key, "this caller's"),
            (self._used, self._total, "all callers'"),
        ):
            if used + amount > most:
                raise CallFailed(
                    Status.RESOURCE_EXHAUSTED,
                    f"{whose} {self._what} under way would be {used + amount}, more than {most}: "
                    "ask again later",
                    cause=Cause(Reason.OVERLOADED, retry_seconds=_RETRY_SECONDS),
                )
        self._used += amount
        self._held[key] += amount

    def give_back(self, key: str, amount: int = 1) -> None:
        """Give back what was taken."""
        self._used -= amount
        self._held[key] -= amount
        if not self._held[key]:
            del self._held[key]

    @contextmanager
    def using(self, key: str, amount: int = 1) -> Iterator[None]:
        """Take an amount for the time of the block."""
        self.take(key, amount)
        try:
            yield
        finally:
            self.give_back(key, amount)
