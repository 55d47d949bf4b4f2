"""The past as the engine asks for it."""

from datetime import UTC, datetime

import grpc

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.past.moments import snapshot_of
from vmfit_comparator.past.recorder import Recorder
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
        try:
            moment = self._store.at(host, at_seconds)
            if moment is not None:
                return snapshot_of(moment)
        except StoreError as error:
            cause = Cause(Reason.STORE_UNREACHABLE, retry_seconds=_RETRY_SECONDS)
            raise EngineError(grpc.StatusCode.UNAVAILABLE, str(error), cause=cause) from None
        cause = Cause(Reason.PAST_NOT_KEPT, {"host": host})
        message = f"{field}: nothing is kept of host {host} at {_shown(at_seconds)} or before"
        raise EngineError(grpc.StatusCode.NOT_FOUND, message, field, cause)


def _shown(at_seconds: float) -> str:
    return datetime.fromtimestamp(at_seconds, UTC).isoformat(" ", "seconds")
