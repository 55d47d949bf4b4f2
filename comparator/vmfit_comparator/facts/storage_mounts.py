"""Facts about the state of what holds the disks: network mounts, multipath maps, other users."""

from vmfit.v1.finding_pb2 import ANSWER_PROBABLY_NO, Quality
from vmfit.v1.vm_pb2 import Disk, StorageSource, Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, probably_no, probably_yes, yes
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.active import is_active
from vmfit_comparator.knowledge.content_identity import content_probe
from vmfit_comparator.knowledge.disks import (
    DiskPair,
    backing_pairs,
    is_read_only,
    joined,
    used_in_place,
)
from vmfit_comparator.knowledge.host_paths import block_device, mount_above


@fact(
    "storage.nfs_mount",
    question="Do the network mounts below the disks answer on the destination?",
    applies_if=("incoming.disks",),
    reads=("incoming.disks", "destination.mounts.mounts"),
    also_reads=("vm.disks", "options.storage_copy", "options.copied_disks"),
)
@unless_offline
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


@fact(
    "storage.multipath",
    question="Do the multipath maps below the disks have paths on the destination?",
    applies_if=("vm.disks.source.path.block.multipath_wwid",),
    reads=("incoming.disks", "destination.block_devices.devices"),
    also_reads=("vm.disks", "options.storage_copy", "options.copied_disks"),
)
@unless_offline
def multipath(case: Case) -> Result:
    """Count the paths of each map on the destination.

    Two or more are YES, one is YES, REDUCED (no second way), none PROBABLY_NO, a suspended map
    PROBABLY_NO. A destination that sees the unit without a map is YES, REDUCED.

    Source: /sys/class/block/*/slaves, dm/suspended.
    """
    outcomes = {}
    for pair in used_in_place(case):
        if pair.here.source.path.block.multipath_wwid:
            outcomes[pair.there.target] = _map(pair, case)
    return joined(outcomes, "does not apply: no disk is a multipath map")


def _map(pair: DiskPair, case: Case) -> Result:
    path = pair.there.source.path.path
    found = block_device(path, case.destination)
    if found is None:
        return yes(f"{path} is not there, which storage.path_present judges")
    if not found.device_mapper.multipath_wwid:
        return yes(
            f"{path} is {found.name} there, without multipath", quality=Quality.QUALITY_REDUCED
        )
    if found.device_mapper.suspended:
        summary, command = f"Resume {found.name} on the destination", f"dmsetup resume {path}"
        remedy = provide_storage(summary, path, command=command)
        return probably_no(f"{path} ({found.name}) is suspended there", remedies=[remedy])
    if not found.slaves:
        summary = f"Restore a path of {found.name} on the destination"
        remedy = provide_storage(summary, path, command="multipath -r")
        return probably_no(f"{path} ({found.name}) has no path there", remedies=[remedy])
    if len(found.slaves) == 1:
        return yes(f"{path} has one path there", quality=Quality.QUALITY_REDUCED)
    return yes(f"{path} has {len(found.slaves)} paths there")


@fact(
    "storage.lock",
    question="Does no other guest of the destination hold the disks?",
    applies_if=("incoming.disks",),
    reads=("incoming.disks", "destination.domains.vms"),
    also_reads=(
        "vm.disks",
        "vm.uuid",
        "options.storage_copy",
        "options.copied_disks",
        "probes.contents",
    ),
)
@unless_offline
def lock(case: Case) -> Result:
    """Look for running guests of the destination that use the same image, device or export.

    QEMU locks what it writes to, so another holder is PROBABLY_NO; none, or one that has the disk
    shareable or read-only as the guest has it, is YES. Of a
    file that the guest only reads, a probe may have seen by QEMU's locks that somebody there writes
    to it: PROBABLY_NO. Holders on third hosts are not seen.

    Source: libvirt's live definitions; QEMU's image locking, fcntl(2).
    """
    others = [
        each
        for each in case.destination.domains.vms
        if is_active(each) and each.uuid != case.vm.uuid
    ]
    outcomes = {
        disk.target: _holders(disk, others)
        for disk in case.incoming.disks
        if disk.HasField("source")
    }
    for pair in (*used_in_place(case), *backing_pairs(case)):
        held = _held(pair, case)
        if held and outcomes.get(pair.there.target, held).answer != ANSWER_PROBABLY_NO:
            outcomes[pair.there.target] = held
    return joined(outcomes, "does not apply: every drive is empty")


def _held(pair: DiskPair, case: Case) -> Result | None:
    """Judge what a probe saw of locks on a file that is only read; None when nothing speaks."""
    probe = content_probe(pair, case)
    if not pair.is_read_only or pair.there.shareable or probe is None or not probe.image_written:
        return None
    path = pair.there.source.path.path
    return probably_no(f"somebody on the destination writes to {path}, as QEMU's locks tell")


def _holders(disk: Disk, others: list[Vm]) -> Result:
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


FACTS = (nfs_mount, multipath, lock)
