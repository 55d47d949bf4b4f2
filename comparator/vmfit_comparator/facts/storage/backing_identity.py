"""Do the images below every disk hold the same on the destination?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit.v1.migration_pb2 import StorageCopy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no
from vmfit_comparator.knowledge.disk_identity import proven_disk
from vmfit_comparator.knowledge.disk_kinds import disks, images_below
from vmfit_comparator.knowledge.disks import DiskPair, is_copied


@fact(
    each=(images_below, disks),
    applies_if=("vm.disks.backing_chain", "incoming.disks.backing_chain"),
    reads="options.storage_copy",
    consequence=Consequence.CONSEQUENCE_BREAKS_GUEST,
)
def backing_identity(pair: DiskPair, case: Case) -> Result | None:
    """Compare the backing images as storage.disk_identity compares read-only disks.

    The same file or device is YES, a copy of the same content PROBABLY_YES; another size or content
    is NO: the guest would read other data wherever the overlay is empty. This holds for
    --copy-storage-inc too, for which an image that rests on fewer images is NO; --copy-storage-all
    leaves nothing to what lies below.

    Source: QEMU's qcow2 driver reads unallocated clusters from the backing image.
    """
    if pair.depth:
        return proven_disk(pair, case)
    in_part = case.options.storage_copy == StorageCopy.STORAGE_COPY_INCREMENTAL
    if in_part and is_copied(pair.here, case) and _lacks_images(pair):
        return _without_base(pair)
    return None


def _lacks_images(pair: DiskPair) -> bool:
    read = pair.there.source.HasField("header_format") and pair.there.source.path.exists
    return bool(read and len(pair.there.backing_chain) < len(pair.here.backing_chain))


def _without_base(pair: DiskPair) -> Result:
    path = pair.there.source.path.path
    below = pair.here.backing_chain[len(pair.there.backing_chain)].path.path
    summary = f"Create {path} on the destination over {below}"
    return no(
        f"{path} does not rest on {below} there, of which an incremental copy carries nothing",
        remedies=[provide_storage(summary, path)],
    )
