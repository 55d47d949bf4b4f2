"""The guest's disks, one by one, as facts ask about them: by their targets, "vda"."""

from collections.abc import Iterable, Iterator

from vmfit.v1.vm_pb2 import Disk
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.disks import (
    DiskPair,
    Medium,
    backing_pairs,
    data_pairs,
    incoming_with_media,
    opened_by_path,
    pairs,
    used_in_place,
)
from vmfit_comparator.knowledge.matched import matched


@subjects("disk")
@chooses("vm.disks")
def source_disks(case: Case) -> Iterator[tuple[str, Disk]]:
    """Yield the disks and drives that the guest has, by their targets."""
    return ((each.target, each) for each in case.vm.disks)


@subjects("disk")
@chooses("incoming.disks")
def incoming_disks(case: Case) -> Iterator[tuple[str, Disk]]:
    """Yield the disks and drives that the destination gets, by their targets."""
    return ((each.target, each) for each in case.incoming.disks)


@subjects("disk with a medium")
@chooses("vm.disks", "incoming.disks")
def source_media(case: Case) -> Iterator[tuple[str, Medium]]:
    """Yield what is in the disks and drives that the guest has."""
    for there, here in matched(case.incoming.disks, case.vm.disks, lambda disk: disk.target):
        comes = there is not None and there.HasField("source")
        if here.HasField("source"):
            yield here.target, Medium(here, DiskPair(here, there) if comes and there else None)


@subjects("disk with a medium")
def incoming_media(case: Case) -> Iterator[tuple[str, Medium]]:
    """Yield what is in the disks and drives that the destination gets."""
    return ((each.disk.target, each) for each in incoming_with_media(case))


@subjects("disk with a medium")
def disks(case: Case) -> Iterator[tuple[str, DiskPair]]:
    """Yield the disks with a medium that both definitions have."""
    return _named(pairs(case))


@subjects("disk that is not copied")
def disks_in_place(case: Case) -> Iterator[tuple[str, DiskPair]]:
    """Yield the disks that are used where they are."""
    return _named(used_in_place(case))


@subjects("disk with a path")
def disks_by_path(case: Case) -> Iterator[tuple[str, DiskPair]]:
    """Yield the disks whose file or device the destination opens as it is there."""
    return _named(opened_by_path(case))


@subjects("image below a disk")
def images_below(case: Case) -> Iterator[tuple[str, DiskPair]]:
    """Yield the images below the disks: "vda[1]"."""
    return _named(backing_pairs(case))


@subjects("data file of a disk")
def data_files(case: Case) -> Iterator[tuple[str, DiskPair]]:
    """Yield the files that hold the data of qcow2 images: "vda's data"."""
    return _named(data_pairs(case))


def _named(found: Iterable[DiskPair]) -> Iterator[tuple[str, DiskPair]]:
    return ((each.there.target, each) for each in found)
