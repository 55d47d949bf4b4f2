"""The past as the engine asks for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import grpc

from vmfit.v1.comparator_service_pb2 import FindTurnResponse, GetHostHistoryResponse
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.past.answering import Answering
from vmfit_comparator.past.changes import MAX_CHANGES, changes
from vmfit_comparator.past.moments import snapshot_of
from vmfit_comparator.past.recorder import Recorder
from vmfit_comparator.past.track import Kept, NotKeptError, Track
from vmfit_comparator.past.turning import Turning
from vmfit_comparator.store.past_store import PastStore
from vmfit_comparator.store.records import StoreError
from vmfit_contract.reasons import Cause, Reason

_RETRY_SECONDS = 30.0


class Past:
    """What hosts were. Safe to use from several threads.

    With a `recorder` what agents say from now on is kept. Every method raises EngineError.
    """

    def __init__(self, store: PastStore, recorder: Recorder | None = None) -> None:
        self._store = store
        self.recorder = recorder

    def close(self) -> None:
        """Record what waits."""
        if self.recorder is not None:
            self.recorder.close()

    def snapshot(self, host: str, at_seconds: float, field: str) -> Snapshot:
        """Return the snapshot that was a host's latest at a time; `field` is what asked for it."""
        with _reachable():
            moment = self._store.at(host, at_seconds)
            if moment is not None:
                return snapshot_of(moment)
        raise _not_kept(host, field, f"at {_shown(at_seconds)} or before")

    def history(
        self, host: str, since: float, until: float, parts: Sequence[str], limit: int
    ) -> GetHostHistoryResponse:
        """Return what changed on a host between two times, in some parts or, without, in all."""
        with _reachable():
            runs = self._store.runs(host, since, until)
            if runs:
                most = min(limit or MAX_CHANGES, MAX_CHANGES)
                return changes(self._store, host, runs, parts=parts, limit=most)
        raise _not_kept(host, "host", _of_time(since, until))

    def track(self, host: str, field: str, since: float, until: float) -> Track:
        """Return a host through time; `field` is what asked for it."""
        with _reachable():
            try:
                return Kept(self._store, host, since, until)
            except NotKeptError:
                raise _not_kept(host, field, _of_time(since, until)) from None

    def turning(
        self,
        tracks: tuple[Track, Track],
        answering: Answering,
        until: tuple[float, float],
        facts: Sequence[str],
    ) -> FindTurnResponse:
        """Return since when the answer is what it is; `tracks` are source and destination.

        `until` is the time to look back from, and by when to be ready, by the monotonic clock.
        """
        with _reachable():
            try:
                return Turning(*tracks, answering, *until).find(facts)
            except NotKeptError as error:  # It was forgotten meanwhile.
                raise _not_kept(str(error.args[0]), "check", "any more") from None


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        cause = Cause(Reason.STORE_UNREACHABLE, retry_seconds=_RETRY_SECONDS)
        raise EngineError(grpc.StatusCode.UNAVAILABLE, str(error), cause=cause) from None


def _not_kept(host: str, field: str, when: str) -> EngineError:
    cause = Cause(Reason.PAST_NOT_KEPT, {"host": host})
    message = f"{field}: nothing is kept of host {host} {when}"
    return EngineError(grpc.StatusCode.NOT_FOUND, message, field, cause)


def _of_time(since: float, until: float) -> str:
    return f"from {_shown(since)} to {_shown(until)}" if since > 0 else f"until {_shown(until)}"


def _shown(at_seconds: float) -> str:
    return datetime.fromtimestamp(at_seconds, UTC).isoformat(" ", "seconds")
