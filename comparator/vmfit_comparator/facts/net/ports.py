"""Is a port free on the destination for the migration's data?"""

from collections.abc import Hashable, Iterable

from vmfit.v1.finding_pb2 import ChangeMigrationOption, Remedy
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import widen_ports
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    not_applicable,
    yes,
)
from vmfit_comparator.knowledge.migration_ways import (
    disks_way,
    migration_way,
    port_range,
)

_TUNNELLED = "does not apply: the data goes through libvirt's connection"


_ANOTHER_PORT = Remedy(
    summary="Name another port in --migrateuri, --disks-uri or --disks-port, or none",
    change_migration_option=ChangeMigrationOption(option="--migrateuri"),
)


def _used_ports(destination: Snapshot) -> Hashable:
    return frozenset(each.port for each in destination.network.listening_ports)


@fact(
    needs="destination.network.listening_ports",
    reads="options.migration_uri",
    grouping=Grouping(seen_as=_used_ports, seen=("destination.network.listening_ports",)),
)
def ports(case: Case) -> Result:
    """Look for a free port in the destination's range, 49152 to 49215 unless qemu.conf says more.

    A port that a migration URI, --disks-uri or --disks-port names must be free: NO when it is
    not. So is a range without a free port, or with one alone where the disks' copy needs a second.

    Source: /proc/net/tcp; qemu.conf, migration_port_min and migration_port_max.
    """
    if case.options.tunnelled:
        return not_applicable(_TUNNELLED)
    ways = [way for way in (migration_way(case), disks_way(case)) if way is not None]
    used = {each.port for each in case.destination.network.listening_ports}
    named = [each.first_port for each in ways if each.first_port == each.last_port]
    taken = [port for port in named if port in used]
    if taken:
        return no(f"port {taken[0]} is in use on the destination", remedies=[_ANOTHER_PORT])
    if len(named) != len(set(named)):
        text = f"port {named[0]} cannot serve both the memory and the disks' copy"
        return no(text, remedies=[_ANOTHER_PORT])
    if ways and len(named) == len(ways):
        return yes(f"port {', '.join(map(str, named))} is free on the destination")
    first, last = port_range(case)
    free = (last - first + 1) - len(_within(used | set(named), first, last))
    if free < len(ways) - len(named):
        few = "all" if free <= 0 else "all but one"
        text = f"{few} ports from {first} to {last} are in use on the destination"
        return no(text, remedies=[widen_ports()])
    return yes(f"{free} ports from {first} to {last} are free")


def _within(ports_used: Iterable[int], first: int, last: int) -> list[int]:
    return [port for port in ports_used if first <= port <= last]
