"""Is there an image, or a pool to make it in, for every disk that is copied?"""

import posixpath
from collections.abc import Iterator

from vmfit.v1.finding_pb2 import Answer, Quality, Remedy
from vmfit.v1.hypervisor_pb2 import StoragePool
from vmfit.v1.migration_pb2 import StorageCopy
from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.remedies import drop_option, provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.content_identity import content_probe
from vmfit_comparator.knowledge.disk_identity import disk_probe, proven_disk
from vmfit_comparator.knowledge.disk_kinds import disks
from vmfit_comparator.knowledge.disks import DiskPair, is_copied, is_read_only, pairs
from vmfit_comparator.knowledge.host_paths import destination_filesystem, path_exists
from vmfit_comparator.knowledge.pools import has_volume, named_pool, pool_at

_SECTOR_BYTES = 512


@subjects("disk to be copied")
@chooses("options.copied_disks", "options.tunnelled")
def strays(case: Case) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the options themselves: a tunnel, disks that are not to be had."""
    if case.options.tunnelled:
        yield "the tunnel", ""
    known = {pair.there.target for pair in pairs(case)}
    for name in case.options.copied_disks:
        if name not in known:
            yield name, name


@fact(
    each=(strays, disks),
    applies_if="options.storage_copy",
    reads=(
        *("options.tunnelled", "options.copied_disks", "options.storage_copy"),
        *("vm.disks", "destination.libvirt_objects"),
    ),
)
def copy(subject: str | DiskPair, case: Case) -> Result | None:
    """Apply libvirt's rules for --copy-storage-all and --copy-storage-inc.

    An image that waits on the destination must have the same size in sectors, else the copy fails;
    the guest's own image cannot be its own copy, as its QEMU locks it (PROBABLY_NO), unless the
    file system keeps locks from other hosts (PROBABLY_YES, REDUCED: nothing is gained).
    Without one, libvirt makes files in an active pool whose target is the file's directory and
    volumes in their active pool; it makes no block device, no encrypted image, and nothing for an
    incremental copy. A read-only mount there is NO, as are a pool whose directory is gone and a
    symbolic link to nothing. Read-only, shareable and empty disks are not copied; to list one is
    NO.

    Source: libvirt's migration documentation; QEMU's mirror job (sizes must be equal).
    """
    if case.options.tunnelled:
        if subject:
            return None
        remedy = drop_option("--tunnelled", "disks are copied over a connection of their own")
        return no("disks cannot be copied through a tunnel", remedies=[remedy])
    if isinstance(subject, str):
        return _listed(subject, case)
    if not is_copied(subject.here, case):
        return None
    refused = _listed(subject.there.target, case) if case.options.copied_disks else None
    return refused or _destination(subject, case)


def _listed(name: str, case: Case) -> Result | None:
    """Judge a name of --migrate-disks; None when there is nothing to say against it."""
    disk = next((each for each in case.vm.disks if each.target == name), None)
    if disk is None:
        return no(f"the VM has no disk {name}")
    if is_read_only(disk) or not disk.HasField("source"):
        what = "empty" if not disk.HasField("source") else "read-only"
        return no(f"libvirt does not copy the {what} disk {name}")
    return None


def _destination(pair: DiskPair, case: Case) -> Result:
    there = pair.there.source
    if there.protocol:
        return _network(pair, case)
    exists = path_exists(there.path, case)
    if exists is None and there.type == "volume":
        exists = has_volume(there.volume, named_pool(there.pool, case))
    if exists is None:
        return no_idea(
            f"whether {there.path.path} exists on the destination is not known",
            missing=["incoming.disks.source.path.exists"],
        )
    below = destination_filesystem(there.path, case)
    if below is not None and below.read_only and there.path.kind != "block":
        return no(f"{below.mount_point} is mounted read-only on the destination")
    if exists:
        same = _onto_itself(pair, case)
        return same if same is not None else _sizes(pair)
    if case.options.storage_copy == StorageCopy.STORAGE_COPY_INCREMENTAL:
        summary = f"Create {there.path.path} on the destination over the same backing image"
        return no(
            f"{there.path.path} does not exist on the destination, and libvirt makes no image "
            "for an incremental copy",
            remedies=[provide_storage(summary, there.path.path)],
        )
    return _made_in_pool(pair, case)


def _onto_itself(pair: DiskPair, case: Case) -> Result | None:
    """Judge a copy whose two ends are proven to be one image; None for any other."""
    same = proven_disk(pair, case)
    if same.answer != Answer.ANSWER_YES or same.not_applicable:
        return None
    name = pair.there.source.path.path
    remedy = drop_option("the storage copy", f"{pair.there.target} is the same on both hosts")
    seen = f"{name} would be copied onto itself ({same.reason})"
    probe = content_probe(pair, case)
    if probe is not None and probe.HasField("image_locked") and not probe.image_locked:
        return probably_yes(
            f"{seen}: the destination does not see the lock that QEMU on the source holds",
            probability=0.8,
            quality=Quality.QUALITY_REDUCED,
            remedies=[remedy],
        )
    below = destination_filesystem(pair.there.source.path, case)
    if probe is None and below is not None and below.type.startswith("fuse"):
        return no_idea(
            f"{seen}, and whether QEMU's image lock spans hosts on {below.type} is not known",
            remedies=[remedy],
        )
    return probably_no(
        f"{seen}: QEMU on the source holds its lock", probability=0.05, remedies=[remedy]
    )


def _network(pair: DiskPair, case: Case) -> Result:
    there = pair.there.source
    probe = disk_probe(pair.there.target, case)
    if probe is None or not probe.HasField("answer"):
        return no_idea(
            f"libvirt makes no {there.protocol} image; whether {there.name} is there is not known"
        )
    if not probe.answer.opens:
        fails = probably_no if probe.answer.HasField("timed_out_seconds") else no
        text = f"libvirt makes no {there.protocol} image, and {there.name} does not open there"
        return fails(f"{text}: {probe.answer.reason}")
    return _sizes(pair, probe.answer.virtual_size_bytes)


def _sizes(pair: DiskPair, opened_bytes: int = 0) -> Result:
    """Compare the sizes; `opened_bytes` is what a network disk has, 0 for any other."""
    here, there = pair.here.source, pair.there.source
    name = there.path.path or there.volume or there.name
    size = opened_bytes or there.virtual_size_bytes
    if not here.virtual_size_bytes or not (size or there.HasField("virtual_size_bytes")):
        side = "incoming" if here.virtual_size_bytes else "vm"
        return probably_yes(
            f"{name} waits on the destination, its virtual size was not compared "
            f"({side}.disks.source.virtual_size_bytes is not known)",
            probability=0.7,
        )
    sizes = f"{here.virtual_size_bytes} bytes on the source, {size} in {name}"
    if _sectors(here.virtual_size_bytes) == _sectors(size):
        return yes(f"{name} waits on the destination with the same virtual size")
    summary = f"Make {name} on the destination {here.virtual_size_bytes} bytes large"
    return no(f"the sizes differ: {sizes}", remedies=[provide_storage(summary, name)])


def _sectors(size_bytes: int) -> int:
    """Return what QEMU makes of a raw image's length."""
    return -(-size_bytes // _SECTOR_BYTES)


def _made_in_pool(pair: DiskPair, case: Case) -> Result:
    there = pair.there.source
    if there.type not in ("file", "volume"):
        return no(f"{there.path.path} is missing, and libvirt makes no disk of type {there.type}")
    if not case.destination.HasField("libvirt_objects"):
        return no_idea(
            "the destination's pools are not known", missing=["destination.libvirt_objects"]
        )
    if there.type == "volume":
        pool = named_pool(there.pool, case)
        wanted = f"of name {there.pool}"
    else:
        directory = posixpath.dirname(there.path.path)
        pool = pool_at(directory, case)
        wanted = f"over {directory}"
    if pool is None or not pool.active:
        state = (
            "no storage pool" if pool is None else f"storage pool {pool.name} is not active: none"
        )
        return no(
            f"{there.path.path or there.volume} is missing on the destination, and there is "
            f"{state} {wanted} to make it in",
            remedies=[_remedy(pair, pool)],
        )
    obstacle = _obstacle(there.path)
    if obstacle:
        path = there.path.path or there.volume
        return no(f"libvirt cannot make {path}: {obstacle}", remedies=[_remedy(pair, None)])
    if there.encryption_format:
        return no(
            f"libvirt makes {there.path.path or there.volume} in pool {pool.name} without the "
            f"encryption that the disk has ({there.encryption_format})",
            remedies=[_remedy(pair, None)],
        )
    return yes(f"libvirt makes {there.path.path or there.volume} in pool {pool.name}")


def _obstacle(path: HostPath) -> str:
    """Return what keeps libvirt from making a file in an active pool; empty when nothing does."""
    real = path.real_path or path.path
    if posixpath.basename(real) != posixpath.basename(path.path):
        return f"it is a symbolic link to {real}, which does not exist"
    if path.existing_parent and path.existing_parent != posixpath.dirname(real):
        return f"there is no {posixpath.dirname(real)}"
    return ""


def _remedy(pair: DiskPair, pool: StoragePool | None) -> Remedy:
    there = pair.there.source
    path = there.path.path or there.volume
    if pool is not None:
        summary = f"Start storage pool {pool.name} on the destination"
        return provide_storage(summary, path, pool.name, f"virsh pool-start {pool.name}")
    size = pair.here.source.virtual_size_bytes
    summary = f"Create {path} on the destination" + (f", {size} bytes large" if size else "")
    return provide_storage(f"{summary}, or a storage pool over its directory", path)
