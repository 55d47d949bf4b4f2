"""Are the guest's logical volumes active on the destination?"""

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import BlockIdentity
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, yes
from vmfit_comparator.knowledge.disk_kinds import disks_in_place
from vmfit_comparator.knowledge.disks import DiskPair
from vmfit_comparator.knowledge.host_paths import destination_block, source_block


@fact(
    each=disks_in_place,
    needs="destination.block_devices",
    reads=("source.block_devices.devices", "destination.block_devices.devices"),
)
def lvm(pair: DiskPair, case: Case) -> Result | None:
    """Compare the LVM identity (of volume group and volume) behind each disk.

    The same volume active there is YES. Another volume of that path is NO. A volume that is not
    active there is NO; the remedy activates it when its volume group has others there, or one of
    its physical volumes is. Disks that are no logical volumes: not applicable.

    Source: device mapper's UUID "LVM-" VG-UUID LV-UUID; udev DM_VG_NAME, DM_LV_NAME.
    """
    here = source_block(pair.here.source.path, case)
    if here is None or not here.dm_uuid.startswith("LVM-"):
        return None
    return _volume(pair, here, case)


def _volume(pair: DiskPair, here: BlockIdentity, case: Case) -> Result:
    there = destination_block(pair.there.source.path, case)
    path = pair.there.source.path.path
    if there is not None and there.dm_uuid == here.dm_uuid:
        return yes(f"{path} is the same logical volume")
    if there is not None and there.dm_uuid:
        summary = f"Make {path} on the destination the same volume as on the source"
        remedy = provide_storage(summary, path)
        return no(f"{path} is another volume there", remedies=[remedy])
    group = _volume_group(here, case.source)
    known = _known_groups(case.destination)
    command = f"lvchange --activate y {path}" if group in known else ""
    remedy = provide_storage(f"Activate {path} on the destination", path, command=command)
    return no(f"the logical volume {path} is not active there", remedies=[remedy])


def _volume_group(identity: BlockIdentity, snapshot: Snapshot) -> str:
    for each in snapshot.block_devices.devices:
        if each.dm_uuid == identity.dm_uuid:
            return each.device_mapper.volume_group
    return ""


def _known_groups(snapshot: Snapshot) -> set[str]:
    devices = snapshot.block_devices.devices
    return {each.device_mapper.volume_group for each in devices} - {""}
