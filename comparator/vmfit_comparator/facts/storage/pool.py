"""Are the storage pools that disks name active on the destination?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, yes
from vmfit_comparator.knowledge.disk_kinds import disks
from vmfit_comparator.knowledge.disks import DROPPED_WHEN_MISSING, DiskPair, is_copied
from vmfit_comparator.knowledge.pools import has_volume, named_pool


@fact(
    each=disks,
    applies_if="incoming.disks.source.pool",
    needs="destination.libvirt_objects.storage_pools",
)
def pool(pair: DiskPair, case: Case) -> Result | None:
    """Ask for a pool of the name, active, with the volume in it.

    A pool that is missing or not active is NO, and so is a volume that it lists and whose file is
    gone; a volume that is missing is NO unless it is copied,
    and PROBABLY_NO when the pool's list may be out of date. A pool whose volumes could not be
    listed is NO_IDEA.

    Source: libvirt's formatdomain, disk type volume.
    """
    there = pair.there.source
    if there.type != "volume":
        return None
    found = named_pool(there.pool, case)
    if found is None:
        summary = f"Define and start storage pool {there.pool} on the destination"
        remedy = provide_storage(summary, there.pool)
        return no(f"the destination has no storage pool {there.pool}", remedies=[remedy])
    if not found.active:
        summary = f"Start storage pool {there.pool} on the destination"
        remedy = provide_storage(summary, there.pool, "", f"virsh pool-start {there.pool}")
        return no(f"storage pool {there.pool} is not active there", remedies=[remedy])
    if is_copied(pair.here, case):
        return yes(f"pool {there.pool} is active; the volume is copied")
    listed = has_volume(there.volume, found)
    gone = there.path.HasField("exists") and not there.path.exists
    if listed and gone and pair.there.startup_policy not in DROPPED_WHEN_MISSING:
        return no(
            f"pool {there.pool} of the destination lists {there.volume}, whose file is gone "
            f"({there.path.path})"
        )
    if listed is None:
        return no_idea(f"the volumes of pool {there.pool} are not known: {found.error}")
    if listed or there.path.exists:
        return yes(f"pool {there.pool} is active and has {there.volume}")
    if pair.there.startup_policy in DROPPED_WHEN_MISSING:
        return yes(f"pool {there.pool} is active; the guest does without {there.volume}")
    return probably_no(
        f"pool {there.pool} of the destination lists no volume {there.volume}", probability=0.05
    )
