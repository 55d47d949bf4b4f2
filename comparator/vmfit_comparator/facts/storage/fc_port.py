"""Does the destination see the guest's disks on Fibre Channel?"""

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import BlockIdentity
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, yes
from vmfit_comparator.knowledge.disk_kinds import disks
from vmfit_comparator.knowledge.disks import DiskPair
from vmfit_comparator.knowledge.host_paths import source_block


@fact(
    each=disks,
    needs="destination.block_devices",
    reads="destination.block_devices.devices",
    grouping=Grouping(ignored=("destination.block_devices.devices.paths",)),
)
def fc_port(pair: DiskPair, case: Case) -> Result | None:
    """Look for the logical unit's name (WWN) among the destination's block devices.

    Seen is YES. Not seen is PROBABLY_NO when the destination has other units on Fibre Channel (a
    rescan or another zone may help), NO when it has none. A unit without a name is NO_IDEA.
    Disks that are not on Fibre Channel: not applicable.

    Source: sysfs, transport of the SCSI host; udev ID_WWN.
    """
    here = source_block(pair.here.source.path, case)
    if here is None or here.transport != "fc":
        return None
    return _unit(here, case.destination)


def _unit(here: BlockIdentity, destination: Snapshot) -> Result:
    name = here.multipath_wwid or here.wwn
    if not name:
        return no_idea(f"{here.name} has no name that both hosts see")
    names = {name, here.wwn} - {""}
    for each in destination.block_devices.devices:
        if each.wwn in names or each.device_mapper.multipath_wwid in names:
            return yes(f"unit {name} is {each.name} there")
    remedy = provide_storage(
        f"Present unit {name} to the destination, and rescan",
        here.name,
        command="for h in /sys/class/fc_host/host*; do echo '- - -' > "
        "/sys/class/scsi_host/${h##*/}/scan; done",
    )
    others = any(each.transport == "fc" for each in destination.block_devices.devices)
    if others:
        return probably_no(f"unit {name} is not seen there, others are", remedies=[remedy])
    return no(f"the destination sees nothing on Fibre Channel, not unit {name}", remedies=[remedy])
