"""One case to judge: who moves, from where, to where, and how."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from vmfit.v1.case_pb2 import ClockComparison, SnapshotAges
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm


@dataclass(frozen=True, slots=True)
class Case:
    """What facts are about; every field path that is read starts with the name of a message here.

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
    probes: ProbeAnswers = field(default_factory=ProbeAnswers)
    """What the agents answered to questions about this very migration."""
    clock: ClockComparison = field(default_factory=ClockComparison)
    ages: SnapshotAges = field(default_factory=SnapshotAges)
    known: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was worked out of this case, kept by `once`: the messages must not change."""

    def way_back(self) -> "Case":
        """Return the same guest's case from the destination to the source, with nothing probed."""
        return Case(
            source=self.destination,
            destination=self.source,
            vm=self.vm,
            incoming=self.vm,
            options=self.options,
            policy=self.policy,
            ages=SnapshotAges(
                source_seconds=self.ages.destination_seconds,
                destination_seconds=self.ages.source_seconds,
            ),
        )
