"""Records snapshots as they arrive, beside the answers: none waits for the store."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from vmfit.v1.options_pb2 import Volatility
from vmfit_comparator.differences.snapshot_fields import PARTS
from vmfit_comparator.hosts.host_answer import HostAnswer
from vmfit_comparator.past.moments import moment_of
from vmfit_comparator.store.past_store import PastStore
from vmfit_comparator.store.records import StoreError

_LOG = logging.getLogger(__name__)

# An unchanged host is recorded again so often.
_AGAIN_SECONDS = 60.0
# A store that fails is left alone for so long.
_PAUSE_SECONDS = 30.0
_FORGET_SECONDS = 3600.0
_MAX_HOSTS = 20_000
# Snapshots that wait for the store; of a host only the latest does.
_MAX_WAITING = 256
_AT_ONCE = 32
_STEADY = frozenset(
    name for name, plan in PARTS.items() if plan.volatility != Volatility.VOLATILITY_VOLATILE
)


class Kept(NamedTuple):
    """How much of the past is kept."""

    seconds: float
    bytes: int


class _Waiting(NamedTuple):
    at_seconds: float
    answer: HostAnswer


class Recorder:
    """Told of every answer of an agent. Safe to use from several threads."""

    def __init__(self, store: PastStore, kept: Kept) -> None:
        self._store = store
        self._kept = kept
        self._lock = threading.Condition()
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._recorded: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._is_ending = False
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="past", daemon=True)
        self._thread.start()

    @property
    def is_failing(self) -> bool:
        """The last snapshots could not be recorded."""
        return self._is_failing

    def note(self, host: str, answer: HostAnswer) -> None:
        """Have what a host said recorded, unless just that was a moment ago."""
        now = time.monotonic()
        steady = hash(
            frozenset(
                (each.name, each.digest, each.error)
                for each in answer.snapshot.parts
                if each.name in _STEADY
            )
        )
        with self._lock:
            at, before = self._recorded.get(host, (-_AGAIN_SECONDS, 0))
            if before == steady and now - at < _AGAIN_SECONDS:
                return
            self._recorded[host] = (now, steady)
            self._recorded.move_to_end(host)
            if len(self._recorded) > _MAX_HOSTS:
                self._recorded.popitem(last=False)
            self._waiting[host] = _Waiting(time.time(), answer)
            if len(self._waiting) > _MAX_WAITING:
                dropped, _ = self._waiting.popitem(last=False)
                self._recorded.pop(dropped, None)
            self._lock.notify()

    def close(self) -> None:
        """Record what waits, and end."""
        with self._lock:
            self._is_ending = True
            self._lock.notify()
        self._thread.join()

    def _run(self) -> None:
        forget_at = time.monotonic()
        while (batch := self._next(forget_at)) is not None:
            try:
                self._store.add(
                    moment_of(host, at, answer.snapshot) for host, (at, answer) in batch.items()
                )
                if time.monotonic() >= forget_at:
                    self._store.forget(time.time(), self._kept.seconds, self._kept.bytes)
                    forget_at = time.monotonic() + _FORGET_SECONDS
            except StoreError as error:
                self._pause(error, batch)
            else:
                self._say(None)

    def _next(self, forget_at: float) -> dict[str, _Waiting] | None:
        """Wait for something to do and return what to record, perhaps nothing; None at the end."""
        with self._lock:
            while not self._waiting and not self._is_ending:
                left = forget_at - time.monotonic()
                if left <= 0:
                    return {}
                self._lock.wait(left)
            if not self._waiting:
                return None
            return {host: self._waiting.pop(host) for host in list(self._waiting)[:_AT_ONCE]}

    def _pause(self, error: StoreError, lost: Mapping[str, _Waiting]) -> None:
        self._say(error)
        until = time.monotonic() + _PAUSE_SECONDS
        with self._lock:
            for host in lost:
                self._recorded.pop(host, None)
            while not self._is_ending and time.monotonic() < until:
                self._lock.wait(until - time.monotonic())
            if self._is_ending:
                self._waiting.clear()

    def _say(self, error: StoreError | None) -> None:
        """Say once that recording fails, and once that it works again."""
        was_failing, self._is_failing = self._is_failing, error is not None
        if error is not None and not was_failing:
            _LOG.warning("what hosts say is not recorded: %s", error)
        elif error is None and was_failing:
            _LOG.warning("what hosts say is recorded again")
