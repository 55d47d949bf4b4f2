"""Have the disks' devices the sectors that the guest started with?"""

from collections.abc import Iterator

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.result import Result, no, yes
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.disks import DiskPair, pairs
from vmfit_comparator.knowledge.host_paths import destination_device, source_device


@subjects("disk on a device")
@chooses("vm.disks.source.type")
def on_devices(case: Case) -> Iterator[tuple[str, DiskPair]]:
    """Yield the disks that are block devices of the source."""
    return ((each.there.target, each) for each in pairs(case) if each.here.source.type == "block")


@fact(
    each=on_devices,
    needs=("source.block_devices.devices", "destination.block_devices.devices"),
    consequence=Consequence.CONSEQUENCE_BREAKS_GUEST,
)
def sector_size(pair: DiskPair, case: Case) -> Result | None:
    """Compare the logical sectors of the devices behind disks, in place or copied.

    - YES: they are equal. REDUCED where they differ and QEMU gives the guest sectors of its own:
      it reads and writes again what is not aligned.
    - NO: they differ, and the guest talks to the unit itself (device='lun'): it goes on with
      sectors that the unit does not have.

    Disks that are no block devices of both hosts are not judged.

    Source: /sys/class/block/*/queue/logical_block_size; QEMU's scsi-block and file-posix.
    """
    here = source_device(pair.here.source.path.path, case)
    there = destination_device(pair.there.source.path.path, case)
    if here is None or there is None:
        return None
    sizes = here.logical_sector_bytes, there.logical_sector_bytes
    if not all(sizes):
        return None
    seen = f"sectors of {sizes[0]} bytes on the source, of {sizes[1]} on the destination"
    if sizes[0] == sizes[1]:
        return yes(seen)
    if pair.there.device == "lun":
        return no(f"{seen}: the guest goes on with those of the source")
    return yes(f"{seen}: QEMU reads again what is not aligned", quality=QUALITY_REDUCED)
