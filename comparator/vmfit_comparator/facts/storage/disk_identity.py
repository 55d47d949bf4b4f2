"""Does every disk that is not copied mean the same storage on the destination?"""

from vmfit.v1.finding_pb2 import ANSWER_NO_IDEA, Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import (
    Result,
)
from vmfit_comparator.knowledge.disk_identity import proven_disk
from vmfit_comparator.knowledge.disk_kinds import data_files, disks_in_place
from vmfit_comparator.knowledge.disks import DiskPair


@fact(each=(disks_in_place, data_files), consequence=Consequence.CONSEQUENCE_BREAKS_GUEST)
def disk_identity(pair: DiskPair, case: Case) -> Result:
    """Compare, disk by disk, what the source uses with what the destination would open.

    Files: NFS server and export, cluster file system UUID or fsid, then inode and size; a file on
    a local file system is another file of the same name (NO), unless both hosts share a kernel.
    Block devices: another WWN, vendor, model, serial, LUN or UUID is a firm NO; the same one is
    YES, on USB or FireWire only PROBABLY_YES. Network disks: the same name on the same servers is
    YES, unless its size differs from what the source opens (NO), or the servers' names lead to
    other addresses there (NO_IDEA). What names leave open is compared by content: a block
    that differs is NO, equal ones PROBABLY_YES, and YES when the destination sees what the guest
    has just written. Of what nobody writes a copy will do, and another CD is one that the guest
    finds in its drive: PROBABLY_YES, REDUCED. The file that holds a qcow2 image's data counts as
    a disk. A disk that is missing is storage.path_present's
    business, a copied one storage.copy's.

    Source: udev, mountinfo, stat(2) of both hosts as the agents describe the disks; blocks read on
    the source, the destination, and the source again.
    """
    outcome = proven_disk(pair, case)
    if outcome.answer >= ANSWER_NO_IDEA or outcome.remedies:
        return outcome
    here, there = pair.here.source, pair.there.source
    name = here.path.path or here.name
    place = there.path.path or there.name
    summary = f"Make {place} on the destination the same disk as {name} on the source"
    return outcome._replace(remedies=(provide_storage(summary, place, name),))
