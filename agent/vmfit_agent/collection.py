"""Runs collectors: each in its own thread with a deadline, so that none costs another its part."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from google.protobuf.message import Message

from vmfit.v1.snapshot_pb2 import PartStatus
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host, LibvirtUnavailable

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CollectedPart:
    """A part and how it came about; `message` is None when it could not be collected."""

    message: Message | None
    status: PartStatus
    monotonic_seconds: float = field(default_factory=time.monotonic)
    """When it was collected, by time.monotonic()."""


def digest(part: Message) -> str:
    """Return the hash of a part's content, the same for equal messages."""
    encoded = part.SerializeToString(deterministic=True)
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()


class CollectorRunner:
    """Collects parts of one host. Safe to use from several threads."""

    def __init__(self, host: Host, collectors: Mapping[str, Collector]) -> None:
        self._host = host
        self._collectors = collectors
        self._running: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def collect(self, names: Collection[str]) -> dict[str, CollectedPart]:
        """Return the parts asked for, in the collectors' order; never raises for a collector.

        Takes no longer than the longest of their deadlines. A collector that is still busy with
        an earlier call is not started again; its part is absent and the status says so.
        """
        runs = {name: self._start(name) for name in self._collectors if name in names}
        return {name: finish() for name, finish in runs.items()}

    def _start(self, name: str) -> Callable[[], CollectedPart]:
        collector = self._collectors[name]
        status = PartStatus(name=name)
        status.collected_at.GetCurrentTime()
        started = time.monotonic()
        box: list[CollectedPart] = []

        def run() -> None:
            box.append(_run(collector, replace(self._host, warnings=[]), status))

        with self._lock:
            busy = self._running.get(name)
            if busy is not None and busy.is_alive():
                return lambda: _absent(status, "still busy with an earlier collection")
            thread = threading.Thread(target=run, name=f"collect-{name}", daemon=True)
            self._running[name] = thread
            thread.start()

        def finish() -> CollectedPart:
            remaining = started + collector.deadline_seconds - time.monotonic()
            thread.join(max(remaining, 0.0))
            if box:
                return box[0]
            # The thread still owns `status`: answer with one of our own.
            late = PartStatus(name=name, collected_at=status.collected_at)
            late.duration.FromNanoseconds(int((time.monotonic() - started) * 1e9))
            return _absent(late, f"did not finish within {collector.deadline_seconds:g} s")

        return finish


def _absent(status: PartStatus, reason: str) -> CollectedPart:
    status.error = reason
    return CollectedPart(None, status)


def _run(collector: Collector, host: Host, status: PartStatus) -> CollectedPart:
    started = time.monotonic()
    message: Message | None = None
    try:
        message = collector.collect(host)
        status.digest = digest(message)
    except (OSError, ValueError, LibvirtUnavailable) as error:
        status.error = str(error) or type(error).__name__
        _LOG.warning("%s: %s", status.name, status.error)
    except Exception as error:  # noqa: BLE001 -- the boundary: a bug costs its own part alone
        status.error = f"internal error: {type(error).__name__}: {error}"
        _LOG.exception("collector %s failed", status.name)
    status.duration.FromNanoseconds(int((time.monotonic() - started) * 1e9))
    status.warnings.extend(host.warnings)
    return CollectedPart(message, status, started)
