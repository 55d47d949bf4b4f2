"""Which disks of a VM are copied, which are used where they are, as libvirt chooses them."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.migration_pb2 import StorageCopy
from vmfit.v1.vm_pb2 import Disk, StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.remedies import add_option
from vmfit_comparator.knowledge.matched import matched

# The device is dropped rather than the start refused when its medium is missing.
DROPPED_WHEN_MISSING = ("optional", "requisite")


@dataclass(frozen=True, slots=True)
class DiskPair:
    """A disk as the source has it and as the destination gets it."""

    here: Disk
    there: Disk
    depth: int = 0
    """How far below the disk's top image these are."""

    @property
    def is_read_only(self) -> bool:
        """Nobody writes to it; libvirt makes every CD-ROM read-only."""
        return is_read_only(self.there)


@dataclass(frozen=True, slots=True)
class Medium:
    """What one definition has in a disk or drive."""

    disk: Disk
    pair: DiskPair | None
    """Both definitions' disk; None where only one has such a disk, or a medium in it."""


def is_read_only(disk: Disk) -> bool:
    """The guest cannot write to it; libvirt makes every CD-ROM read-only."""
    return disk.read_only or disk.device == "cdrom"


@chooses("options.storage_copy", "options.copied_disks")
def is_copied(disk: Disk, case: Case) -> bool:
    """Libvirt copies it: listed in --migrate-disks, or without a list writable and not shareable.

    Source: libvirt's VIR_MIGRATE_NON_SHARED_DISK and VIR_MIGRATE_PARAM_MIGRATE_DISKS.
    """
    options = case.options
    if options.storage_copy == StorageCopy.STORAGE_COPY_UNSPECIFIED or not disk.HasField("source"):
        return False
    if options.copied_disks:
        return disk.target in options.copied_disks
    return not is_read_only(disk) and not disk.shareable


@chooses("options.copied_disks")
def copying(disk: Disk, case: Case) -> list[Remedy]:
    """Return what makes libvirt copy the disk; nothing for one that other guests may write to."""
    options = case.options
    if disk.shareable:
        return []
    why = f"{disk.target} is copied then"
    if options.copied_disks:
        return [
            add_option(f"--migrate-disks {','.join([*options.copied_disks, disk.target])}", why)
        ]
    return [add_option("--copy-storage-all", why)]


@once
def pairs(case: Case) -> tuple[DiskPair, ...]:
    """Return the disks with a medium that both definitions have, in the incoming one's order."""
    every = (medium.pair for medium in incoming_with_media(case))
    return tuple(pair for pair in every if pair is not None)


@chooses("vm.disks", "incoming.disks")
@once
def incoming_with_media(case: Case) -> tuple[Medium, ...]:
    """Return what is in the disks and drives that the destination gets."""
    return tuple(
        Medium(there, DiskPair(here, there) if here is not None else None)
        for here, there in matched(case.vm.disks, case.incoming.disks, lambda disk: disk.target)
        if there.HasField("source")
    )


def used_in_place(case: Case) -> list[DiskPair]:
    """Return the pairs that are not copied: the destination opens what is there."""
    return [pair for pair in pairs(case) if not is_copied(pair.here, case)]


def opened_by_path(case: Case) -> list[DiskPair]:
    """Return the pairs whose file or device QEMU on the destination opens as it is there.

    Beside disks that are used in place these are images that wait for a copy.
    """
    return [
        pair
        for pair in pairs(case)
        if not pair.there.source.protocol
        and pair.there.source.path.path
        and (pair.there.source.path.exists or not is_copied(pair.here, case))
    ]


def opened_below(pair: DiskPair, case: Case) -> Sequence[StorageSource]:
    """Return the images below a disk that the destination opens.

    A copied disk that rests on nothing here rests on nothing there, whatever the image that waits
    for it names: the source's definition says so.
    """
    flat = pair.here.source.HasField("header_format") and not pair.here.backing_chain
    return () if flat and is_copied(pair.here, case) else pair.there.backing_chain


@chooses("options.storage_copy")
def backing_pairs(case: Case) -> list[DiskPair]:
    """Return the images below the disks as read-only disks, called "vda[1]" as libvirt does.

    Below a disk whose whole content is copied nothing counts.
    """
    in_full = case.options.storage_copy == StorageCopy.STORAGE_COPY_ALL
    return [
        DiskPair(_below(pair.here, depth, images[0]), _below(pair.there, depth, images[1]), depth)
        for pair in pairs(case)
        if not (in_full and is_copied(pair.here, case))
        for depth, images in enumerate(
            zip(pair.here.backing_chain, pair.there.backing_chain, strict=False), start=1
        )
    ]


def _below(disk: Disk, depth: int, image: StorageSource) -> Disk:
    return Disk(
        target=f"{disk.target}[{depth}]",
        device="disk",
        source=image,
        read_only=True,
        owner_is_kept=disk.owner_is_kept,
    )


def data_pairs(case: Case) -> list[DiskPair]:
    """Return the files that hold the data of qcow2 images as raw disks, called "vda's data"."""
    return [
        DiskPair(_data(pair.here), _data(pair.there))
        for pair in (*used_in_place(case), *backing_pairs(case))
        if pair.here.source.HasField("data_file") and pair.there.source.HasField("data_file")
    ]


def _data(disk: Disk) -> Disk:
    source = StorageSource(format="raw", path=disk.source.data_file)
    return Disk(
        target=f"{disk.target}'s data",
        device="disk",
        source=source,
        cache=disk.cache,
        read_only=is_read_only(disk),
    )


def servers(source: StorageSource) -> str:
    """Return the servers of a network disk for people, sorted; empty when none is named."""
    return ", ".join(
        sorted(f"{host.name}:{host.port or ''}{host.socket}".strip(":") for host in source.hosts)
    )


def is_on_host(source: StorageSource) -> bool:
    """Tell whether a network disk's server is the very host that opens it."""
    return any(
        host.socket or host.name == "localhost" or host.name.startswith(("127.", "::1"))
        for host in source.hosts
    )
