"""Do the network mounts below the disks answer on the destination?"""

from vmfit.v1.finding_pb2 import Quality
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, probably_yes, yes
from vmfit_comparator.knowledge.disk_kinds import disks_in_place
from vmfit_comparator.knowledge.disks import DiskPair
from vmfit_comparator.knowledge.host_paths import destination_mount


@fact(each=disks_in_place, needs="destination.mounts.mounts")
def nfs_mount(pair: DiskPair, case: Case) -> Result | None:
    """Look at the destination's network mounts that hold disks.

    A server that did not answer statfs(2) in time is NO: QEMU would hang. A soft mount is
    PROBABLY_YES, REDUCED, as the guest sees I/O errors when the server is slow. Which export is
    mounted is storage.disk_identity's question, whether it is writable storage.path_present's.

    Source: mountinfo; nfs(5).
    """
    path = pair.there.source.path.real_path or pair.there.source.path.path
    found = destination_mount(path, case) if path else None
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
