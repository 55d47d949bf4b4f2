"""One host through time, as far as it is kept."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.past.moments import snapshot_of
from vmfit_comparator.store.past_store import PastStore


class NotKeptError(Exception):
    """Nothing is kept of the host that it names."""


class Track(Protocol):
    """A host at any time. Times are Unix time."""

    name: str

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same at all times."""

    @property
    def since(self) -> float:
        """The first time at which something is known of it."""

    @property
    def turns(self) -> Sequence[tuple[float, float]]:
        """When it was first seen to be otherwise, and last before, the earliest first."""

    def samples(self, since: float, until: float) -> Sequence[float]:
        """Return when numbers were kept that change at any moment, the earliest first."""

    def at(self, seconds: float) -> tuple[float, Snapshot]:
        """Return what is the latest that was known then, and since when. Raises StoreError."""


class SameAlways:
    """A host that somebody has a snapshot of."""

    is_fixed = True
    turns: Sequence[tuple[float, float]] = ()
    since = float("-inf")

    def __init__(self, name: str, snapshot: Snapshot) -> None:
        self.name = name
        self._snapshot = snapshot

    def samples(self, since: float, until: float) -> Sequence[float]:  # noqa: ARG002 -- as Track has it
        """Return none."""
        return ()

    def at(self, seconds: float) -> tuple[float, Snapshot]:  # noqa: ARG002 -- as Track has it
        """Return the same at all times."""
        return self.since, self._snapshot


class Kept:
    """A host of the store. Raises StoreError, and NotKeptError for times not kept."""

    is_fixed = False

    def __init__(self, store: PastStore, host: str, since: float, until: float) -> None:
        self.name = host
        self._store = store
        runs = store.runs(host, since, until)
        if not runs:
            raise NotKeptError(host)
        self.since = max(runs[0].since_seconds, since)
        self.turns = [
            (after.since_seconds, before.until_seconds) for before, after in pairwise(runs)
        ]

    def samples(self, since: float, until: float) -> Sequence[float]:
        """Return when numbers were kept, the earliest first."""
        return self._store.samples(self.name, since, until)

    def at(self, seconds: float) -> tuple[float, Snapshot]:
        """Return what is the latest that was known then, and since when."""
        moment = self._store.at(self.name, seconds)
        if moment is None:
            raise NotKeptError(self.name)
        return moment.at_seconds, snapshot_of(moment)
