"""Does every disk's cache mode allow both hosts to open it in turn?"""

from vmfit.v1.vm_pb2 import Disk
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.connections import source_hypervisor_version
from vmfit_comparator.knowledge.disk_kinds import source_media
from vmfit_comparator.knowledge.disks import DiskPair, Medium, is_copied, is_read_only
from vmfit_comparator.knowledge.host_paths import (
    destination_filesystem,
    filesystem_family,
    source_filesystem,
)
from vmfit_comparator.knowledge.versions import kernel_version, version_text


@fact(each=source_media, reads=("destination.kernel.release", "options.unsafe"))
def cache_mode(medium: Medium, case: Case) -> Result:
    """Ask whether the destination could read stale data from its page cache.

    cache=none and directsync, read-only, shareable and copied disks, network disks and cluster
    file systems are YES. Other modes are PROBABLY_YES where QEMU drops its cache on migration
    (2.12 and newer), else libvirt refuses without --unsafe: NO. Modes without a cache are NO where
    a file lies, or is to be made, on a file system of the destination that knows no O_DIRECT.

    Source: libvirt's migration documentation, "unsafe"; QEMU's file driver, x-check-cache-dropped;
    open(2), O_DIRECT.
    """
    refused = _without_direct_io(medium.pair, case) if medium.pair is not None else None
    return refused or _cache(medium.disk, case)


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
        found = destination_filesystem(image.path, case)
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
    below = source_filesystem(disk.source.path, case)
    if below is not None and filesystem_family(below.type) in _COHERENT:
        return yes(f"{below.type} keeps the hosts' caches coherent")
    mode = f"cache={disk.cache or 'default (writeback)'}"
    version = source_hypervisor_version(case)
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
