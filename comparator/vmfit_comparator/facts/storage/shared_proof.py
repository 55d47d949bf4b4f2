"""Will libvirt take every disk that is not copied for shared?"""

from vmfit.v1.finding_pb2 import Answer, Remedy
from vmfit.v1.vm_pb2 import Disk
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import add_option
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    yes,
)
from vmfit_comparator.knowledge.disk_identity import proven_disk
from vmfit_comparator.knowledge.disk_kinds import source_media
from vmfit_comparator.knowledge.disks import DiskPair, Medium, copying, is_copied, is_read_only
from vmfit_comparator.knowledge.host_paths import source_filesystem


@fact(each=source_media, reads="options.unsafe")
def shared_proof(medium: Medium, case: Case) -> Result:
    """Apply libvirt's rule: writable files must lie on a file system whose type can be shared.

    libvirt looks at the source's type of file system alone (nfs, ceph, gfs2, glusterfs, ...): a
    local type or an NVMe disk is refused without --unsafe whatever the truth is: NO.
    Read-only and copied disks, block devices and network disks pass, as does anything with
    --unsafe. --unsafe is a remedy only where storage.disk_identity proves the disk the same.

    Source: libvirt's migration documentation, VIR_MIGRATE_UNSAFE.
    """
    if case.options.unsafe:
        return not_applicable("--unsafe turns libvirt's check off")
    return _shared(medium.disk, medium.pair, case)


def _shared(disk: Disk, pair: DiskPair | None, case: Case) -> Result:
    if is_read_only(disk):
        return yes("read-only")
    if is_copied(disk, case):
        return yes("copied")
    source = disk.source
    if source.protocol:
        return yes("a network disk")
    if source.type == "nvme":
        seen = f"libvirt takes a disk of type {source.type} for unshared"
        return no(seen, remedies=_ways_out(disk, pair, case))
    if source.type in ("block", "vhostuser", "vhostvdpa") or source.path.kind == "block":
        return yes("a device, which libvirt takes for shared")
    below = source_filesystem(source.path, case)
    if below is None:
        return no_idea(
            f"the file system that holds {source.path.path} on the source is not known",
            missing=["vm.disks.source.path.filesystem"],
        )
    if below.shared:
        return yes(f"{below.type} is a type that libvirt takes for shared")
    seen = f"{source.path.path} lies on {below.type}, which libvirt takes for local"
    return no(seen, remedies=_ways_out(disk, pair, case))


def _ways_out(disk: Disk, pair: DiskPair | None, case: Case) -> list[Remedy]:
    if pair is not None and proven_disk(pair, case).answer == Answer.ANSWER_YES:
        return [add_option("--unsafe", f"{disk.target} is the same storage on both hosts")]
    return copying(disk, case)
