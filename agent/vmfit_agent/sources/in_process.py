"""Snapshots collected by this very process."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    ProbeCase,
    ProbeRequest,
    ProbeResponse,
)
from vmfit.v1.probe_pb2 import Probe, ProbeResult
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.assembly import assemble
from vmfit_agent.bounded_call import BoundedCalls
from vmfit_agent.collected_part import CollectedPart
from vmfit_agent.collection import CollectorRunner
from vmfit_agent.collectors import Collector
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.libvirt_names import LibvirtNames
from vmfit_agent.part_state import PartState
from vmfit_agent.sources import ProbesRefused, SourceUnavailable
from vmfit_agent.sources.ages import Ages
from vmfit_agent.storage.look_allowance import CallerGone
from vmfit_contract.access import Caller
from vmfit_contract.parts import in_order

Describe = Callable[[DescribeVmRequest, Host, Caller], DescribeVmResponse]
AnswerProbes = Callable[[Sequence[Probe], float, Caller, ProbeCase], Sequence[ProbeResult]]

SETTLE_SECONDS = 1.0
"""A watch waits this long after an event, so that a burst of events costs one collection."""
DESCRIBE_SECONDS = 20.0
"""The longest that libvirt may take to describe a domain."""
MAX_DESCRIPTIONS = 6
"""How many descriptions may be under way at once, half of them for one caller."""


class InProcess:
    """Answers from what was collected, and collects what is too old when it is asked for.

    Nothing is collected while nobody asks: a part's period bounds the age of what is given out,
    and only a watch makes the clock tick.
    """

    def __init__(
        self,
        host: Host,
        collectors: Mapping[str, Collector],
        describe: Describe,
        answer: AnswerProbes | None = None,
    ) -> None:
        self._host = host
        self._answer = answer
        self._describe = describe
        self._descriptions: BoundedCalls[DescribeVmResponse] = BoundedCalls(MAX_DESCRIPTIONS)
        self._runner = CollectorRunner(host, collectors)
        self._ages = Ages(collectors, self._runner.latest)
        self._names = tuple(collectors)
        self._libvirt_names = LibvirtNames()
        self._changed = threading.Condition()
        self._watches: set[InProcessWatch] = set()
        self._closed = False

    def snapshot(
        self,
        parts: Collection[str],
        max_age_seconds: float | None,
        known_digests: Mapping[str, str],
        timeout_seconds: float | None = None,
    ) -> Snapshot:
        """Return the parts; those too old are collected anew, shared with concurrent callers.

        Without a maximum age a part is at most as old as its period. A part that is not there
        before the timeout is absent, and its collection goes on.
        """
        give_up_at = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        return assemble(self.collect(in_order(parts), max_age_seconds, give_up_at), known_digests)

    def collect(
        self, names: Collection[str], max_age_seconds: float | None, give_up_at: float | None = None
    ) -> dict[str, CollectedPart]:
        """Return the parts in the order of their names, as `snapshot` does."""
        now = time.monotonic()
        bounds = {name: self._ages.bound(name, max_age_seconds, now) for name in names}
        found = self._runner.collected_since(bounds, give_up_at)
        latest = self._runner.latest("hypervisor")
        return self._libvirt_names.moved({name: found[name] for name in names}, latest)

    def watch(self, parts: Collection[str], known_digests: Mapping[str, str]) -> "InProcessWatch":
        """Yield the parts, then those that changed: on their period, or soon after an event."""
        watch = InProcessWatch(self, in_order(parts), known_digests)
        with self._changed:
            self._watches.add(watch)
        if self._closed:
            watch.cancel()
        return watch

    def describe_vm(
        self, request: DescribeVmRequest, timeout_seconds: float | None, caller: Caller
    ) -> DescribeVmResponse:
        """Describe a domain that libvirt has, or an inline definition."""
        seconds = min(DESCRIBE_SECONDS, timeout_seconds or DESCRIBE_SECONDS)
        try:
            return self._descriptions.run(
                lambda: self._describe(request, self._host, caller), seconds, caller
            )
        except TimeoutError as error:
            raise SourceUnavailable(f"describing the domain: {error}") from None
        except LibvirtUnavailable as error:
            raise SourceUnavailable(str(error)) from None
        except CallerGone:
            raise SourceUnavailable("describing the domain: its caller is gone") from None

    def probe(self, request: ProbeRequest, timeout_seconds: float, caller: Caller) -> ProbeResponse:
        """Answer questions about the host, if it is the one that this process runs on."""
        if not self._host.is_live:
            raise ProbesRefused("the agent reads a recorded host: nothing can be asked of it")
        if self._answer is None:
            raise ProbesRefused("the agent's configuration forbids probes (probes = false)")
        results = self._answer(request.probes, timeout_seconds, caller, request.case)
        return ProbeResponse(results=results)

    def probe_with(self, answer: AnswerProbes) -> None:
        """Have others answer probes from now on."""
        self._answer = answer

    def spare_host(self) -> None:
        """Answer from now on with what is young, however new a caller wants it."""
        self._ages.spares_host = True

    def missing(self) -> list[str]:
        """Return the parts that could not be collected the last time, in Snapshot's order."""
        latest = ((name, self._runner.latest(name)) for name in in_order(self._names))
        return [name for name, part in latest if part is None or part.message is None]

    def invalidate(self, parts: Collection[str]) -> None:
        """Note that an event made outdated what was collected before now."""
        now = time.monotonic()
        with self._changed:
            for name in parts:
                self._ages.invalidate(name, now)
            self._changed.notify_all()

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report that the source answers: it always does."""
        report(True)  # noqa: FBT003 -- the report's only argument

    def part_states(
        self, max_age_seconds: float | None, timeout_seconds: float
    ) -> dict[str, PartState]:
        """Return how each part fares; those older than the age are collected for it."""
        latest = {name: self._runner.latest(name) for name in in_order(self._names)}
        known = {name: part for name, part in latest.items() if part is not None}
        if max_age_seconds is None:
            return {name: part.state() for name, part in known.items()}
        found = self.collect(list(latest), max_age_seconds, time.monotonic() + timeout_seconds)
        states = {}
        for name, part in found.items():
            # What is not there in time is as old as what was collected last.
            last = self._runner.latest(name) or part
            states[name] = last.state()._replace(is_there=part.message is not None)
        return states

    def close(self) -> None:
        """End the watches."""
        with self._changed:
            self._closed = True
            watches = list(self._watches)
        for watch in watches:
            watch.cancel()

    def due(self, name: str, part: CollectedPart) -> float:
        """Return when a part just given out is to be collected anew, by time.monotonic()."""
        return part.monotonic_seconds + self._ages.period(name)

    def wait(
        self, until: float, names: Collection[str], since: float, watch: "InProcessWatch"
    ) -> None:
        """Wait for the time, for an event after `since` to settle, or for the watch's end."""
        with self._changed:
            while not watch.is_cancelled():
                if any(self._ages.valid_since(name) > since for name in names):
                    until = min(until, time.monotonic() + SETTLE_SECONDS)
                    since = float("inf")
                remaining = until - time.monotonic()
                if remaining <= 0:
                    return
                self._changed.wait(remaining)

    def end(self, watch: "InProcessWatch") -> None:
        """Let a watch end that may be waiting."""
        with self._changed:
            watch.mark_cancelled()
            self._watches.discard(watch)
            self._changed.notify_all()


class InProcessWatch:
    """What changes in an InProcess source; iterated by one thread, cancelled by any."""

    def __init__(
        self, source: InProcess, names: Collection[str], known_digests: Mapping[str, str]
    ) -> None:
        self._cancelled = threading.Event()
        self._source = source
        self._names = names
        self._known = known_digests
        self._sent: dict[str, str] = {}
        self._next_at = 0.0
        self._looked_at = 0.0

    def __iter__(self) -> "InProcessWatch":
        """Return the watch itself."""
        return self

    def __next__(self) -> Snapshot:
        """Wait for a change and return the parts that changed; the first time, all of them."""
        while not self.is_cancelled():
            self._source.wait(self._next_at, self._names, self._looked_at, self)
            if self.is_cancelled():
                break
            self._looked_at = time.monotonic()
            found = self._source.collect(self._names, None)
            self._next_at = min(self._source.due(name, part) for name, part in found.items())
            contents = {
                name: part.status.digest or part.status.error for name, part in found.items()
            }
            changed = {
                name: part for name, part in found.items() if self._sent.get(name) != contents[name]
            }
            self._sent = contents
            if changed:
                known, self._known = self._known, {}
                return assemble(changed, known)
        raise StopIteration

    def is_cancelled(self) -> bool:
        """Return whether the iteration is to end."""
        return self._cancelled.is_set()

    def mark_cancelled(self) -> None:
        """Let the iteration end at its next step."""
        self._cancelled.set()

    def cancel(self) -> None:
        """End the iteration."""
        self._source.end(self)
