"""Where a snapshot comes from: this host, or a recording."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Protocol

from vmfit.v1.host_metadata_service_pb2 import (
    DescribeVmRequest,
    DescribeVmResponse,
    ProbeRequest,
    ProbeResponse,
)
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.part_state import PartState
from vmfit_contract.access import Caller


class UnknownDomain(Exception):  # noqa: N818 -- a state of the host, not a mistake
    """There is no such domain on this host."""


class SourceUnavailable(Exception):  # noqa: N818 -- a state of the host, not a mistake
    """The snapshot source does not answer, and why."""


class ProbesRefused(Exception):  # noqa: N818 -- a state of the agent, not a mistake
    """This source answers no probes, and why."""


class ProbesExhausted(Exception):  # noqa: N818 -- a state of the agent, not a mistake
    """More probes than the agent answers at once or in a minute; ask again later."""


class Watch(Iterator[Snapshot], Protocol):
    """Snapshots that hold what changed; SourceUnavailable when the source goes away."""

    def cancel(self) -> object:
        """End the iteration soon, from any thread."""


class SnapshotSource(Protocol):
    """One host's snapshots. Safe to use from several threads."""

    def snapshot(
        self,
        parts: Collection[str],
        max_age_seconds: float | None,
        known_digests: Mapping[str, str],
        timeout_seconds: float | None = None,
    ) -> Snapshot:
        """Return the parts (all known field names), collected anew when older than the age.

        Parts whose digest the caller knows are marked `unchanged` and left out.
        """

    def watch(self, parts: Collection[str], known_digests: Mapping[str, str]) -> Watch:
        """Yield the parts asked for, then changed parts, until it is cancelled."""

    def describe_vm(
        self, request: DescribeVmRequest, timeout_seconds: float | None, caller: Caller
    ) -> DescribeVmResponse:
        """Describe a domain, as far as the caller may know it.

        UnknownDomain or UnusableDefinition when that cannot be done.
        """

    def probe(self, request: ProbeRequest, timeout_seconds: float, caller: Caller) -> ProbeResponse:
        """Answer valid questions; ProbesRefused or ProbesExhausted when they are not even asked."""

    def follow_availability(self, report: Callable[[bool], None]) -> None:
        """Report whether the source answers, soon and whenever that changes, until it is closed."""

    def part_states(
        self, max_age_seconds: float | None, timeout_seconds: float
    ) -> Mapping[str, PartState]:
        """Return how each part fares; those older than the age are collected for it.

        None for the age: nothing is collected, and what never was is left out.
        """

    def close(self) -> None:
        """Release what the source holds; watches end."""
