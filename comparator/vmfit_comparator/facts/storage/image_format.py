"""Are the images on the destination in the formats that the definition names?"""

from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.vm_pb2 import StorageSource
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, all_of, no, probably_yes, yes
from vmfit_comparator.knowledge.disk_identity import proven_disk
from vmfit_comparator.knowledge.disk_kinds import disks
from vmfit_comparator.knowledge.disks import DiskPair, opened_below
from vmfit_comparator.knowledge.host_paths import path_exists

# Formats whose images always begin with their own magic bytes.
_TELLING = ("qcow2", "qcow", "qed", "luks", "vdi", "vhdx")


@fact(each=disks)
def image_format(pair: DiskPair, case: Case) -> Result | None:
    """Compare each image's first bytes with the format that QEMU will read it in.

    QEMU refuses qcow2, LUKS and other images that do not begin as their format does: NO, also for
    images below and for those that are copied to, for images that are not encrypted where the
    definition has a key for them, and for qcow2 images that are marked corrupt and that the guest
    writes. Anything can be read as raw. An image whose header was not read is PROBABLY_YES, YES
    where it is the very image that the guest uses.

    Source: QEMU's block drivers ("Image is not in qcow2 format"); the image's header.
    """
    found = []
    for image in (pair.there.source, *opened_below(pair, case)):
        wanted = _wanted(image)
        if wanted in _TELLING and not image.protocol and path_exists(image.path, case):
            found.append(_format(image, wanted, pair, case))
    return all_of(*found) if found else None


def _wanted(image: StorageSource) -> str:
    if image.format in ("", "raw"):
        return image.encryption_format
    return image.format


def _format(image: StorageSource, wanted: str, pair: DiskPair, case: Case) -> Result:
    path = image.path.path
    if image.header_format == wanted:
        if image.encryption_format and image.HasField("encrypted") and not image.encrypted:
            summary = f"Make {path} on the destination a {wanted} image with encryption"
            return no(
                f"{path} on the destination is not encrypted, the definition says "
                f"{image.encryption_format}",
                remedies=[provide_storage(summary, path)],
            )
        if image.corrupt and not pair.is_read_only:
            return no(
                f"{path} on the destination is marked corrupt: QEMU opens it for reading only",
                remedies=[provide_storage(f"Repair {path}: qemu-img check -r all", path)],
            )
        return yes(f"{path} is {wanted}")
    if image.header_format:
        summary = f"Make {path} on the destination a {wanted} image"
        return no(
            f"{path} on the destination is {image.header_format}, not {wanted}",
            remedies=[provide_storage(summary, path)],
        )
    same = proven_disk(pair, case)
    if same.answer == Answer.ANSWER_YES and not same.not_applicable:
        return yes(f"{path}: the guest uses this image")
    return probably_yes(f"{path} is there; its header was not read")
