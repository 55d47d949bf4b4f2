"""Measures how long a fleet of made-up hosts takes to rank; prints every number."""

import argparse
import resource
import statistics
import time
from dataclasses import replace

from tests.bench.made_fleet import made_fleet, made_vm
from tests.comparator.builders import migration
from vmfit.v1.case_pb2 import SnapshotAges
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.facts import BUILT_IN
from vmfit_comparator.fleet.fleet import Fleet
from vmfit_comparator.fleet.question import Question
from vmfit_comparator.fleet.ranking import rank
from vmfit_comparator.hosts.vms import without_host_paths
from vmfit_comparator.policies.policy import built_in_policy, resolve_policy

_NOW = 1000.0


def main() -> None:
    """Fill a fleet, rank VMs that were never asked about, and the same again."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    facts = list(BUILT_IN.values())
    policy = resolve_policy(built_in_policy("default"), BUILT_IN)
    fleet = Fleet(facts)
    source, taken = Snapshot(), 0.0
    for number, (name, snapshot) in enumerate(made_fleet(arguments.hosts)):
        if not number:
            source = snapshot
        began = time.process_time()
        fleet.hosts.put(name, snapshot, _NOW, clock=(0.01, 0.001))
        taken += time.process_time() - began
    print(f"{arguments.hosts} hosts taken in: {taken / arguments.hosts * 1e3:.2f} ms CPU each")
    healthy = migration()

    def seconds(number: int) -> float:
        guest = made_vm(number)
        case = replace(
            healthy,
            source=source,
            destination=Snapshot(),
            vm=guest,
            incoming=without_host_paths(guest),
            policy=policy.message,
            probes=ProbeAnswers(not_asked="many hosts are ranked"),
            ages=SnapshotAges(),
        )
        began = time.process_time()
        rank(fleet, Question(case, facts, _NOW + 1, source_clock=(0.0, 0.001)), policy)
        return time.process_time() - began

    print(f"the very first VM: {seconds(0) * 1e3:.0f} ms CPU")
    new = [seconds(number) for number in range(1, 1 + arguments.rounds)]
    again = [seconds(number) for number in range(1, 1 + arguments.rounds)]
    print(f"a VM never seen, p50: {statistics.median(new) * 1e3:.0f} ms CPU")
    print(f"a VM asked again, p50: {statistics.median(again) * 1e3:.1f} ms CPU")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"memory of the process: {memory} MiB")


if __name__ == "__main__":
    main()
