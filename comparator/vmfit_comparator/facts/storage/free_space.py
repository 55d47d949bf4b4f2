"""Is there room on the destination for the disks that are copied?"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vmfit.v1.finding_pb2 import Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.disks import DiskPair, is_copied, pairs
from vmfit_comparator.knowledge.host_paths import destination_filesystem
from vmfit_comparator.knowledge.pools import named_pool, pool_at


@dataclass(frozen=True, slots=True)
class Copies:
    """Disks that are copied to one place."""

    place: str
    free_bytes: int | None
    """None where nobody knows."""
    pairs: tuple[DiskPair, ...]


@subjects("disk that is copied")
def places(case: Case) -> Iterator[tuple[str, Copies]]:
    """Yield what goes to each place, by its name; disks whose place is not known one by one."""
    found: dict[str, Copies] = {}
    unknown: list[DiskPair] = []
    for pair in pairs(case):
        # No network disk is made: what opens on the destination has its room already.
        if not is_copied(pair.here, case) or pair.there.source.protocol:
            continue
        place = _place(pair, case)
        if place is None:
            unknown.append(pair)
            continue
        others = found[place[0]].pairs if place[0] in found else ()
        found[place[0]] = Copies(*place, (*others, pair))
    yield from found.items()
    for pair in unknown:
        yield pair.there.target, Copies("", None, (pair,))


@fact(
    each=places,
    applies_if="options.storage_copy",
    reads="policy.margins.storage_ratio",
    grouping=Grouping(room=True),
)
def free_space(copies: Copies, case: Case) -> Result:
    """Compare what the copies need with what is free where they go, disks of one place together.

    YES when their virtual sizes, less what waiting images hold already, fit with the policy's
    `storage_ratio`; PROBABLY_YES when only what is allocated fits (PROBABLY_NO for images that
    libvirt makes: it allocates them in full); NO when not even that, and where an image is to be
    made on a file system without inodes left.

    Source: statvfs(3), virStoragePoolGetInfo; qemu-img create -o preallocation=falloc.
    """
    full = next(filter(None, (_full_of_files(each, case) for each in copies.pairs)), None)
    if full is not None:
        return full
    if copies.free_bytes is None:
        missing = ["incoming.disks.source.path.filesystem.available_bytes"]
        return no_idea("free space there is not known", missing=missing)
    return _room(copies.place, copies.pairs, copies.free_bytes, case)


def _full_of_files(pair: DiskPair, case: Case) -> Result | None:
    """Return NO where libvirt is to make a file on a file system that holds no more files."""
    path = pair.there.source.path
    if path.exists or pair.there.source.type != "file":
        return None
    below = destination_filesystem(path, case)
    if below is None or not below.HasField("available_inode_count") or below.available_inode_count:
        return None
    text = f"the file system at {below.mount_point} holds no more files: it has no inodes left"
    return no(
        text, remedies=[provide_storage(f"Remove files below {below.mount_point}", path.path)]
    )


def _place(pair: DiskPair, case: Case) -> tuple[str, int] | None:
    """Return where a copy goes and the bytes free there."""
    there = pair.there.source
    if there.type == "block" or there.path.kind == "block":
        return there.path.path, max(there.path.size_bytes, there.virtual_size_bytes)
    if there.type == "volume":
        found = named_pool(there.pool, case)
        if found is not None and found.HasField("available_bytes"):
            return f"pool {found.name}", found.available_bytes
        return None
    below = destination_filesystem(there.path, case)
    if below is not None and below.HasField("available_bytes"):
        return below.mount_point, below.available_bytes
    found = pool_at(posixpath.dirname(there.path.path), case)
    if found is not None and found.HasField("available_bytes"):
        return f"pool {found.name}", found.available_bytes
    return None


def _room(place: str, copies: Sequence[DiskPair], free: int, case: Case) -> Result:
    held = sum(
        pair.there.source.allocation_bytes for pair in copies if pair.there.source.path.exists
    )
    sources = [pair.here.source for pair in copies]
    if not all(each.virtual_size_bytes for each in sources):
        return no_idea(
            "the virtual size of a copied disk is not known",
            missing=["vm.disks.source.virtual_size_bytes"],
        )
    ratio = case.policy.margins.storage_ratio
    in_full = sum(each.virtual_size_bytes for each in sources)
    virtual = max(int(in_full * ratio) - held, 0)
    least = max(sum(each.allocation_bytes for each in sources) - held, 0)
    seen = f"{free} bytes free"
    if free >= virtual:
        return yes(f"{seen}, at most {virtual} needed")
    if free < least:
        return no(f"{seen}, at least {least} needed", remedies=[_free(place, virtual - free)])
    if not all(each.HasField("allocation_bytes") for each in sources):
        return no_idea(
            f"{seen}, up to {virtual} needed, and how much is allocated is not known",
            missing=["vm.disks.source.allocation_bytes"],
        )
    if free < in_full - held and not all(pair.there.source.path.exists for pair in copies):
        return probably_no(
            f"{seen}, {in_full - held} needed: libvirt allocates an image in full when it makes it",
            probability=0.1,
            remedies=[_free(place, in_full - held - free)],
        )
    return probably_yes(
        f"{seen}: enough for what is allocated ({least}), not for the full size ({virtual})",
        probability=0.7,
    )


def _free(place: str, size_bytes: int) -> Remedy:
    return provide_storage(f"Free {size_bytes} bytes of {place} on the destination", place)
