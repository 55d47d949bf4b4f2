"""Facts about disks that both hosts hold open in turn."""

from vmfit.v1.finding_pb2 import Answer, Remedy
from vmfit.v1.vm_pb2 import Disk
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import add_option, change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.facts.storage_identity import IDENTITY_READS, proven_disk
from vmfit_comparator.knowledge.connections import connection_for
from vmfit_comparator.knowledge.disks import DiskPair, is_copied, is_read_only, joined, pairs
from vmfit_comparator.knowledge.host_paths import filesystem_below, filesystem_family
from vmfit_comparator.knowledge.versions import kernel_version, version_text


@fact(
    "storage.cache_mode",
    question="Does every disk's cache mode allow both hosts to open it in turn?",
    applies_if=("vm.disks",),
    reads=("vm.disks",),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "source.hypervisor.connections",
        "source.mounts.mounts",
        "incoming.disks",
        "destination.mounts.mounts",
        "destination.kernel.release",
        "options.storage_copy",
        "options.copied_disks",
        "options.unsafe",
    ),
)
@unless_offline
def cache_mode(case: Case) -> Result:
    """Ask whether the destination could read stale data from its page cache.

    cache=none and directsync, read-only, shareable and copied disks, network disks and cluster
    file systems are YES. Other modes are PROBABLY_YES where QEMU drops its cache on migration
    (2.12 and newer), else libvirt refuses without --unsafe: NO. Modes without a cache are NO where
    a file lies, or is to be made, on a file system of the destination that knows no O_DIRECT.

    Source: libvirt's migration documentation, "unsafe"; QEMU's file driver, x-check-cache-dropped;
    open(2), O_DIRECT.
    """
    outcomes = {disk.target: _cache(disk, case) for disk in case.vm.disks if _has_medium(disk)}
    for pair in pairs(case):
        refused = _without_direct_io(pair, case)
        if refused is not None:
            outcomes[pair.there.target] = refused
    return joined(outcomes, "does not apply: every drive is empty")


_UNCACHED = ("none", "directsync")
_NEVER_DIRECT = ("ramfs", "hugetlbfs")
_DIRECT_TMPFS = (6, 6, 0)


def _without_direct_io(pair: DiskPair, case: Case) -> Result | None:
    """Judge a file that the destination opens past its page cache; None when nothing forbids it."""
    if pair.there.cache not in _UNCACHED:
        return None
    below = () if is_copied(pair.here, case) else pair.there.backing_chain
    kernel = kernel_version(case.destination.kernel.release)
    for image in (pair.there.source, *below):
        found = filesystem_below(image.path, case.destination)
        if found is None or image.path.kind == "block":
            continue
        old_tmpfs = found.type == "tmpfs" and kernel and kernel < _DIRECT_TMPFS
        if found.type in _NEVER_DIRECT or old_tmpfs:
            return no(
                f"cache={pair.there.cache} needs O_DIRECT, which {found.type} below "
                f"{image.path.path} does not have on the destination",
                remedies=[
                    change_definition(
                        "Let the disk be cached (--xml)", "disk/driver/@cache", "writeback"
                    )
                ],
            )
    return None


def _has_medium(disk: Disk) -> bool:
    return disk.HasField("source")


_COHERENT = ("gfs2", "ocfs2", "ceph", "gpfs")
_DROPS_CACHE = 2_012_000


def _cache(disk: Disk, case: Case) -> Result:
    if is_read_only(disk):
        return yes("read-only")
    if is_copied(disk, case):
        return yes("copied")
    if disk.source.protocol:
        return yes("a network disk")
    if disk.source.type in ("vhostuser", "vhostvdpa"):
        return yes("QEMU itself opens nothing")
    if disk.shareable or disk.cache in _UNCACHED:
        return yes(f"cache={disk.cache or 'default'}{', shareable' if disk.shareable else ''}")
    below = filesystem_below(disk.source.path, case.source)
    if below is not None and filesystem_family(below.type) in _COHERENT:
        return yes(f"{below.type} keeps the hosts' caches coherent")
    mode = f"cache={disk.cache or 'default (writeback)'}"
    connection = connection_for(case.vm, case.source)
    version = connection.hypervisor_version if connection is not None else 0
    if not version:
        return no_idea(
            f"{mode}, and the source's QEMU version is not known",
            missing=["source.hypervisor.connections.hypervisor_version"],
        )
    if version >= _DROPS_CACHE:
        return probably_yes(
            f"{mode}: QEMU {version_text(version)} drops its cache when the guest moves"
        )
    remedy = change_definition(
        f"Set cache='none' for {disk.target} and restart the guest", "disk/driver/@cache", "none"
    )
    if case.options.unsafe:
        return probably_no(f"{mode} with --unsafe: stale data may be read", probability=0.3)
    return no(f"{mode}: libvirt refuses it with QEMU {version_text(version)}", remedies=[remedy])


@fact(
    "storage.shared_proof",
    question="Will libvirt take every disk that is not copied for shared?",
    applies_if=("vm.disks",),
    reads=("vm.disks",),
    also_reads=(
        "vm.domain_type",
        "vm.connection_uri",
        "incoming.disks",
        *IDENTITY_READS,
        "options.storage_copy",
        "options.copied_disks",
        "options.unsafe",
    ),
)
@unless_offline
def shared_proof(case: Case) -> Result:
    """Apply libvirt's rule: writable files must lie on a file system whose type can be shared.

    libvirt looks at the source's type of file system alone (nfs, ceph, gfs2, glusterfs, ...): a
    local type or an NVMe disk is refused without --unsafe whatever the truth is: NO.
    Read-only and copied disks, block devices and network disks pass, as does anything with
    --unsafe. --unsafe is a remedy only where storage.disk_identity proves the disk the same.

    Source: libvirt's migration documentation, VIR_MIGRATE_UNSAFE.
    """
    if case.options.unsafe:
        return not_applicable("does not apply: --unsafe turns libvirt's check off")
    incoming = {pair.here.target: pair for pair in pairs(case)}
    return joined(
        {
            disk.target: _shared(disk, incoming.get(disk.target), case)
            for disk in case.vm.disks
            if _has_medium(disk)
        },
        "does not apply: every drive is empty",
    )


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
    below = filesystem_below(source.path, case.source)
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
    return [add_option("--copy-storage-all", f"{disk.target} is copied then")]


FACTS = (cache_mode, shared_proof)
