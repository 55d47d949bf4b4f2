"""Do the multipath maps below the disks have paths on the destination?"""

from vmfit.v1.finding_pb2 import Quality
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, probably_no, yes
from vmfit_comparator.knowledge.disk_kinds import disks_in_place
from vmfit_comparator.knowledge.disks import DiskPair
from vmfit_comparator.knowledge.host_paths import destination_device


@fact(
    each=disks_in_place,
    applies_if="vm.disks.source.path.block.multipath_wwid",
    needs="destination.block_devices.devices",
)
def multipath(pair: DiskPair, case: Case) -> Result | None:
    """Count the paths of each map on the destination.

    Two or more are YES, one is YES, REDUCED (no second way), none PROBABLY_NO, a suspended map
    PROBABLY_NO. A destination that sees the unit without a map is YES, REDUCED.

    Source: /sys/class/block/*/slaves, dm/suspended.
    """
    if not pair.here.source.path.block.multipath_wwid:
        return None
    path = pair.there.source.path.path
    found = destination_device(path, case)
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
