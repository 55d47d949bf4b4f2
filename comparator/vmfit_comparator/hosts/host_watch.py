"""Which agents answer: one line in the log when one goes, and one when it comes back."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple

import grpc

from vmfit_comparator.observer import Nobody, Observer
from vmfit_contract.address import Address
from vmfit_contract.quiet_log import QuietLog

_LOG = logging.getLogger(__name__)

_MAX_HOSTS = 20_000
# Who was given less time than this and did not answer may only be slow.
_LONG_SECONDS = 2.0
_GONE = frozenset((grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED))


class HostState(NamedTuple):
    """Whether a host's agent answers."""

    answers: bool
    since: float
    """Since when it has been so, by time.monotonic()."""


class CallEnd(NamedTuple):
    """How one call of an agent ended."""

    method: str
    code: grpc.StatusCode
    reason: str
    """Why there was no answer; empty for an answer."""
    given_seconds: float
    took_seconds: float


Note = Callable[[CallEnd], None]


class HostWatch:
    """Told of every call of every agent. Safe to use from several threads.

    `name_of` returns what people call the host at an address.
    """

    def __init__(self, name_of: Callable[[Address], str] = str) -> None:
        self.observer: Observer = Nobody()
        self._name_of = name_of
        self._lock = threading.Lock()
        self._states: OrderedDict[str, HostState] = OrderedDict()
        self._quiet = QuietLog(_LOG)

    def note(self, address: Address, end: CallEnd) -> None:
        """Note how a call ended."""
        if end.code is grpc.StatusCode.CANCELLED:
            return  # By this side, which says nothing of the host.
        self.observer.asked(end.method, end.code, end.took_seconds)
        if end.code is grpc.StatusCode.DEADLINE_EXCEEDED and end.given_seconds < _LONG_SECONDS:
            return
        host = self._name_of(address)
        now = HostState(end.code not in _GONE, time.monotonic())
        with self._lock:
            before = self._states.get(host)
            if before is not None and before.answers == now.answers:
                return
            self._states[host] = now
            if len(self._states) > _MAX_HOSTS:
                self._states.popitem(last=False)
        self._tell(host, before, now, end.reason)

    def states(self) -> Mapping[str, HostState]:
        """Return the states of the hosts that were asked, by name."""
        with self._lock:
            return dict(self._states)

    def _tell(self, host: str, before: HostState | None, now: HostState, reason: str) -> None:
        fields = {"HOST": host}
        if not now.answers:
            line = f"host {host} does not answer: {reason}"
            # Who asks for the first time is told by the answer.
            level = logging.INFO if before is None else logging.WARNING
            self._quiet.tell(f"{host} goes", line, level, fields)
        elif before is None:
            _LOG.debug("host %s answers", host, extra={"fields": fields})
        else:
            line = f"host {host} answers again, after {now.since - before.since:.0f} s"
            self._quiet.tell(f"{host} comes", line, logging.INFO, fields)
