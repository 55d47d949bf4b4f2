"""One case to judge: who moves, from where, to where, and how."""

from dataclasses import dataclass, field

from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm


@dataclass(frozen=True, slots=True)
class Case:
    """What facts are about; every field path a fact declares starts with one of its fields.

    `vm` is the VM as the source describes it. `incoming` is the definition that the destination
    will get, as the destination's agent describes it: its paths carry what the destination has
    there. Without such a description it is `vm` without what the source saw behind the paths.
    """

    source: Snapshot
    destination: Snapshot
    vm: Vm
    incoming: Vm
    options: MigrationOptions
    policy: Policy
    """Resolved: every margin and freshness bound is set."""
    source_age_seconds: float = 0.0
    """Time since the source's `taken_at`, by the comparator's clock; never from the hosts' clocks
    while an agent answers live, so that a wrong clock does not make a snapshot old."""
    destination_age_seconds: float = 0.0
    vm_from_snapshot: bool = False
    """`vm` was found in the source's snapshot, and so is as old as its `domains` part."""
    clock_difference_seconds: float | None = None
    """Destination's clock minus source's, both seen live; None when one of them is a file."""
    clock_uncertainty_seconds: float = 0.0
    """How far `clock_difference_seconds` may be off: half of both round trips."""
    unreachable: dict[str, str] = field(default_factory=dict)
    """Side ("source", "destination") to the reason why its agent gave no snapshot."""
    probes: ProbeAnswers = field(default_factory=ProbeAnswers)
    """What the agents answered to questions about this very migration."""
