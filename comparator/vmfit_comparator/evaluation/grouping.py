"""Which hosts of a fleet are alike for a fact: what of their values its answer depends on.

Unless a fact says more, hosts are alike where all values that it reads are equal. What the contract
says may be a hash (SENSITIVITY_IDENTIFIES) counts by equality alone: by which of a host's are
equal, and by which texts of the case beside them they are equal to.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum, auto

from vmfit.v1.snapshot_pb2 import Snapshot


class Measure(Enum):
    """What a case tells of a destination beside its snapshot, as a number."""

    AGE = auto()
    """`ages.destination_seconds`, and whether there is `ages.destination_error`."""
    CLOCK = auto()
    """How far `clock` is apart for certain, and whether that is known."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """What counts of values of the destination that differ from host to host; paths as texts."""

    names: tuple[str, ...] = ()
    """Names and addresses that count as what may be a hash does, and by what they are: empty,
    local, an address, and in which of the case's networks."""
    ignored: tuple[str, ...] = ()
    """What changes an answer's words alone, or nothing."""
    seen_as: Callable[[Snapshot], Hashable] | None = None
    """Where it gives the same for two destinations, all that is `seen` is alike."""
    seen: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    """Paths below those `seen` that count nevertheless."""
    number: Callable[[Snapshot], float] | None = None
    """Among hosts that are alike otherwise, the answer goes one way as it grows."""
    numbers: tuple[str, ...] = ()
    """What counts by `number` alone."""
    room: bool = False
    """Whether the room left on mounts and in pools counts; it changes from moment to moment."""
    measure: Measure | None = None
    """The same for what is no part of a snapshot."""

    @property
    def replaced(self) -> frozenset[str]:
        """What does not count as it is."""
        return frozenset((*self.ignored, *self.seen, *self.numbers))


ROOM = (
    "destination.mounts.mounts.available_bytes",
    "destination.mounts.mounts.available_inode_count",
    "destination.libvirt_objects.storage_pools.available_bytes",
    "destination.libvirt_objects.storage_pools.allocation_bytes",
)
"""What counts where `room` does."""
EXACT = Grouping()
"""By the values as they are."""
