"""Do the multipath maps below the disks have paths on the destination?"""

from vmfit.v1.finding_pb2 import Quality
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, probably_no, yes
from vmfit_comparator.knowledge.disks import (
    DiskPair,
    joined,
    used_in_place,
)
from vmfit_comparator.knowledge.host_paths import block_device


@fact(
    applies_if=("vm.disks.source.path.block.multipath_wwid",),
    needs=("incoming.disks", "destination.block_devices.devices"),
    reads=("vm.disks", "options.storage_copy", "options.copied_disks"),
)
def multipath(case: Case) -> Result:
    """Count the paths of each map on the destination.

    Two or more are YES, one is YES, REDUCED (no second way), none PROBABLY_NO, a suspended map
    PROBABLY_NO. A destination that sees the unit without a map is YES, REDUCED.

    Source: /sys/class/block/*/slaves, dm/suspended.
    """
    outcomes = {}
    for pair in used_in_place(case):
        if pair.here.source.path.block.multipath_wwid:
            outcomes[pair.there.target] = _map(pair, case)
    return joined(outcomes, "does not apply: no disk is a multipath map")


def _map(pair: DiskPair, case: Case) -> Result:
    path = pair.there.source.path.path
    found = block_device(path, case.destination)
    if found is None:
        return yes(f"{path} is not there, which storage.path_present judges")
    if not found.device_mapper.multipath_wwid:
        return yes(
            f"{path} is {found.name} there, without multipath", quality=Quality.QUALITY_REDUCED
        )
    if found.device_mapper.suspended:
        summary, command = f"Resume {found.name} on the destination", f"dmsetup resume {path}"
        remedy = provide_storage(summary, path, command=command)
        return probably_no(f"{path} ({found.name}) is suspended there", remedies=[remedy])
    if not found.slaves:
        summary = f"Restore a path of {found.name} on the destination"
        remedy = provide_storage(summary, path, command="multipath -r")
        return probably_no(f"{path} ({found.name}) has no path there", remedies=[remedy])
    if len(found.slaves) == 1:
        return yes(f"{path} has one path there", quality=Quality.QUALITY_REDUCED)
    return yes(f"{path} has {len(found.slaves)} paths there")
