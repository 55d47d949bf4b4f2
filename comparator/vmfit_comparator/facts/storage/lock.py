"""Does no other guest of the destination hold the disks?"""

from vmfit.v1.finding_pb2 import ANSWER_PROBABLY_NO
from vmfit.v1.vm_pb2 import Disk, StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.result import Result, probably_no, yes
from vmfit_comparator.knowledge.active import is_active
from vmfit_comparator.knowledge.content_identity import content_probe
from vmfit_comparator.knowledge.disk_kinds import images_below, incoming_media
from vmfit_comparator.knowledge.disks import DiskPair, Medium, is_copied, is_read_only

_COUNTED = ("uuid", "state", "disks")


@fact(
    each=(incoming_media, images_below),
    needs="destination.domains.vms",
    reads="vm.uuid",
    grouping=Grouping(
        seen=("destination.domains.vms",),
        counted=tuple(f"destination.domains.vms.{each}" for each in _COUNTED),
        names=(
            "destination.domains.vms.uuid",
            "destination.domains.vms.disks.source.path.path",
            "destination.domains.vms.disks.source.path.real_path",
        ),
    ),
)
def lock(subject: Medium | DiskPair, case: Case) -> Result | None:
    """Look for running guests of the destination that use the same image, device or export.

    QEMU locks what it writes to, so another holder is PROBABLY_NO; none, or one that has the disk
    shareable or read-only as the guest has it, is YES. Of a
    file that the guest only reads, a probe may have seen by QEMU's locks that somebody there writes
    to it: PROBABLY_NO. Holders on third hosts are not seen.

    Source: libvirt's live definitions; QEMU's image locking, fcntl(2).
    """
    if isinstance(subject, DiskPair):
        return _held(subject, case)
    held = _holders(subject.disk, case)
    if held.answer == ANSWER_PROBABLY_NO or subject.pair is None:
        return held
    in_place = not is_copied(subject.pair.here, case)
    return (_held(subject.pair, case) if in_place else None) or held


def _held(pair: DiskPair, case: Case) -> Result | None:
    """Judge what a probe saw of locks on a file that is only read; None when nothing speaks."""
    probe = content_probe(pair, case)
    if not pair.is_read_only or pair.there.shareable or probe is None or not probe.image_written:
        return None
    path = pair.there.source.path.path
    return probably_no(f"somebody on the destination writes to {path}, as QEMU's locks tell")


def _holders(disk: Disk, case: Case) -> Result:
    others = (
        each
        for each in case.destination.domains.vms
        if is_active(each) and each.uuid != case.vm.uuid
    )
    mine = _place(disk.source)
    for vm in others:
        for other in vm.disks:
            if not mine or _place(other.source) != mine:
                continue
            if (disk.shareable and other.shareable) or (is_read_only(disk) and is_read_only(other)):
                continue
            return probably_no(f"guest {vm.name} of the destination uses {mine} as well")
    return yes("no other running guest there uses it")


def _place(source: StorageSource) -> str:
    """Return what names the storage on one host; empty when nothing does."""
    if source.protocol:
        servers = ",".join(sorted(host.name for host in source.hosts))
        return f"{source.protocol}://{servers}/{source.name}"
    return source.path.real_path or source.path.path
