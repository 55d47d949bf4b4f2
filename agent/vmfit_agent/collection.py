"""Runs collectors, each with a deadline, so that none costs another its part."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping

from google.protobuf.message import Message

from vmfit.v1.snapshot_pb2 import PartStatus
from vmfit_agent.collected_part import CollectedPart, absent
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.host_clock import since_boot_seconds
from vmfit_agent.redaction.free_text import scrub
from vmfit_contract.part_digest import digest

_LOG = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.1
"""A collection that takes longer, since it waits for somebody, holds up none behind it."""


class _Entry:
    """What is known of one part."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.latest: CollectedPart | None = None
        self.running_since: float | None = None

    @property
    def deadline(self) -> float | None:
        if self.running_since is None:
            return None
        return self.running_since + self.collector.deadline_seconds


class CollectorRunner:
    """Collects parts of one host and keeps the latest of each. Safe to use from several threads.

    One thread collects part after part, for many threads would spend more on taking turns than on
    collecting; when one part takes long, another thread goes on with the next.
    Of each part there is at most one collection at a time, which all callers share who may. One
    that overruns its deadline goes on in its thread: its part is absent meanwhile, and is there
    should it finish after all.
    """

    def __init__(self, host: Host, collectors: Mapping[str, Collector]) -> None:
        self._host = host
        self._entries = {name: _Entry(collector) for name, collector in collectors.items()}
        self._changed = threading.Condition()
        self._waiting: deque[str] = deque()
        self._busy_since: dict[object, float] = {}

    @property
    def changed(self) -> threading.Condition:
        """Notified whenever a collection ended."""
        return self._changed

    def collect(self, names: Collection[str]) -> dict[str, CollectedPart]:
        """Return the parts asked for, collected from now on; never raises for a collector."""
        return self.collected_since(dict.fromkeys(names, time.monotonic()))

    def collected_since(
        self, bounds: Mapping[str, float], give_up_at: float | None = None
    ) -> dict[str, CollectedPart]:
        """Return parts whose collection began at or after their bound, by time.monotonic().

        The order is the collectors'; parts without a collector are absent. Takes no longer than
        the longest of the collectors' deadlines, and not past `give_up_at`.
        """
        names = [name for name in self._entries if name in bounds]
        with self._changed:
            while True:
                now = time.monotonic()
                waits = [self._advance(name, bounds[name], now) for name in names]
                look_again = min((wait for wait in waits if wait is not None), default=None)
                if give_up_at is not None and look_again is not None:
                    look_again = None if now >= give_up_at else min(look_again, give_up_at)
                self._attend(now)
                if look_again is None:
                    break
                if self._waiting:
                    look_again = min(look_again, now + PATIENCE_SECONDS)
                self._changed.wait(look_again - now)
            found = {name: self._answer(name, bounds[name], now) for name in names}
        missing = {name: absent(name, "no collector") for name in bounds if name not in found}
        return found | missing

    def latest(self, name: str) -> CollectedPart | None:
        """Return what was collected last; None when there was nothing yet."""
        entry = self._entries.get(name)
        return entry.latest if entry else None

    def _advance(self, name: str, bound: float, now: float) -> float | None:
        """Queue what must be; return when to look again, None when nothing is to be awaited."""
        entry = self._entries[name]
        if entry.latest is not None and entry.latest.monotonic_seconds >= bound:
            return None
        if entry.running_since is None:
            self._waiting.append(name)
            entry.running_since = now
        deadline = now if entry.deadline is None else entry.deadline
        return deadline if deadline > now else None

    def _answer(self, name: str, bound: float, now: float) -> CollectedPart:
        entry = self._entries[name]
        if entry.latest is not None and entry.latest.monotonic_seconds >= bound:
            return entry.latest
        if entry.deadline is not None and entry.deadline > now:
            return absent(name, "not collected within the time that the caller gave")
        return absent(name, f"not collected within {entry.collector.deadline_seconds:g} s")

    def _attend(self, now: float) -> None:
        """Start another thread when parts wait and no thread is about to take them."""
        if self._waiting and all(
            now - since >= PATIENCE_SECONDS for since in self._busy_since.values()
        ):
            worker = object()
            self._busy_since[worker] = now
            threading.Thread(target=self._work, args=(worker,), name="collect", daemon=True).start()

    def _work(self, worker: object) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    del self._busy_since[worker]
                    return
                name = self._waiting.popleft()
                self._busy_since[worker] = time.monotonic()
            entry = self._entries[name]
            part = _collect(name, entry.collector.collect, self._host.for_one_run())
            with self._changed:
                entry.latest, entry.running_since = part, None
                self._changed.notify_all()


def _collect(name: str, collect: Callable[[Host], Message], host: Host) -> CollectedPart:
    started, since_boot = time.monotonic(), since_boot_seconds()
    status = PartStatus(name=name)
    status.collected_at.GetCurrentTime()
    message: Message | None = None
    try:
        message = collect(host)
        status.digest = digest(message)
    except (OSError, ValueError, LibvirtUnavailable) as error:
        status.error = scrub(str(error)) or type(error).__name__
        _LOG.debug("%s: %s", name, status.error)
    except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs its own part alone
        message = None
        status.error = scrub(f"internal error: {type(error).__name__}: {error}")
        _LOG.exception("collector %s failed", name)
    status.duration.FromNanoseconds(int((time.monotonic() - started) * 1e9))
    status.warnings.extend(host.warnings)
    return CollectedPart(message, status, started, since_boot)
