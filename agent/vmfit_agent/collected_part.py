"""One part of a snapshot as it was collected."""

import time
from typing import NamedTuple

from google.protobuf.message import Message

from vmfit.v1.snapshot_pb2 import PartStatus
from vmfit_agent.host_clock import since_boot_seconds
from vmfit_agent.part_state import PartState


class CollectedPart(NamedTuple):
    """A part and how it came about; `message` is None when it could not be collected."""

    message: Message | None
    status: PartStatus
    monotonic_seconds: float
    """When its collection began, by time.monotonic()."""

    since_boot_seconds: float
    """The same by the clock that goes on while the host sleeps."""

    def state(self) -> PartState:
        """Return how the part fares now."""
        age = since_boot_seconds() - self.since_boot_seconds
        took = self.status.duration.ToNanoseconds() / 1e9
        return PartState(age, took, self.message is not None)


def absent(name: str, reason: str) -> CollectedPart:
    """Return a part that was tried just now and could not be collected."""
    status = PartStatus(name=name, error=reason)
    status.collected_at.GetCurrentTime()
    return CollectedPart(None, status, time.monotonic(), since_boot_seconds())
