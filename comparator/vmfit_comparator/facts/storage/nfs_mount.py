"""Do the network mounts below the disks answer on the destination?"""

from vmfit.v1.finding_pb2 import Quality
from vmfit.v1.vm_pb2 import StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, probably_yes, yes
from vmfit_comparator.knowledge.disks import (
    joined,
    used_in_place,
)
from vmfit_comparator.knowledge.host_paths import mount_above


@fact(
    applies_if=("incoming.disks",),
    needs=("incoming.disks", "destination.mounts.mounts"),
    reads=("vm.disks", "options.storage_copy", "options.copied_disks"),
)
def nfs_mount(case: Case) -> Result:
    """Look at the destination's network mounts that hold disks.

    A server that did not answer statfs(2) in time is NO: QEMU would hang. A soft mount is
    PROBABLY_YES, REDUCED, as the guest sees I/O errors when the server is slow. Which export is
    mounted is storage.disk_identity's question, whether it is writable storage.path_present's.

    Source: mountinfo; nfs(5).
    """
    outcomes = {}
    for pair in used_in_place(case):
        outcome = _mount(pair.there.source, case)
        if outcome is not None:
            outcomes[pair.there.target] = outcome
    return joined(outcomes, "does not apply: no disk lies on a network mount there")


def _mount(source: StorageSource, case: Case) -> Result | None:
    path = source.path.real_path or source.path.path
    found = mount_above(path, case.destination.mounts) if path else None
    if found is None or not (found.shared or found.server):
        return None
    if found.hung:
        remedy = provide_storage(
            f"Bring {found.source} back, or mount it anew", found.mount_point, found.source
        )
        return no(f"{found.source} at {found.mount_point} does not answer", remedies=[remedy])
    if "soft" in found.options:
        return probably_yes(
            f"{found.source} is mounted soft: a slow server means I/O errors",
            quality=Quality.QUALITY_REDUCED,
        )
    return yes(f"{found.source} answers")
