"""What a host said of itself, and when by the comparator's own clock."""

from dataclasses import dataclass, field

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.hosts.answer_room import Taken
from vmfit_comparator.hosts.succession import monotonic_seconds


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """A snapshot as an agent gave it. The snapshot is shared: it is read, never changed."""

    snapshot: Snapshot
    clock_offset_seconds: float
    """The host's clock minus the comparator's, as that would be if nobody had set it."""
    clock_uncertainty_seconds: float
    """How far the offset may be off: half of the round trip."""
    received: float
    """When the answer arrived, by `monotonic_seconds`."""
    room: Taken | None = field(default=None, repr=False, compare=False)
    """What the snapshot takes in memory, as long as it is held."""

    @property
    def age_seconds(self) -> float:
        """Time since the answer arrived."""
        return monotonic_seconds() - self.received


@dataclass(frozen=True, slots=True)
class Machine:
    """Which machine answered, as far as it tells."""

    hostname: str
    machine_id: str | None

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Machine | None":
        """Return the machine, None when the snapshot has no identity."""
        if not snapshot.HasField("identity"):
            return None
        identity = snapshot.identity
        machine_id = identity.machine_id if identity.HasField("machine_id") else None
        return cls(identity.hostname, machine_id)

    def is_other_than(self, earlier: "Machine") -> bool:
        """Return whether the two are certainly not the same machine.

        The machine id decides; without one on both sides the host's name does.
        """
        if self.machine_id is not None and earlier.machine_id is not None:
            return self.machine_id != earlier.machine_id
        return self.hostname != earlier.hostname

    def __str__(self) -> str:
        """Return the machine for people."""
        return f"{self.hostname} (machine id {self.machine_id or 'unknown'})"


class WrongHostError(Exception):
    """A host answered that is not the one that was asked for; the message names both."""
