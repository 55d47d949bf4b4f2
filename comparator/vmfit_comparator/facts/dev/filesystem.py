"""Does the destination have the directories that are shared with the guest?"""

from vmfit.v1.vm_pb2 import Filesystem
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import detach, make_directory
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.devices import filesystems


@fact(each=filesystems, reads="probes.accesses")
def filesystem(share: Filesystem, case: Case) -> Result:
    """Look every shared directory up on the destination.

    Missing is NO, and so is what is no directory, a directory that QEMU's user may not read (a
    probe), and a share by MTP, whose state QEMU cannot carry. A 9p share that the guest has mounted
    blocks the migration in QEMU, and whether it has is not seen from outside: PROBABLY_YES. What
    lies in the directories is not compared.

    Source: stat(2) on the destination; QEMU's virtio-9p and usb-mtp devices.
    """
    path = share.source
    if share.driver == "mtp":
        return no("QEMU migrates no MTP device", remedies=[detach(f"share {share.target}")])
    if not path.path:
        return yes(f"{share.type or 'share'} without a directory")
    if not path.HasField("exists"):
        return no_idea(
            f"whether {path.path} exists on the destination is not known",
            missing=["incoming.filesystems.source.exists"],
        )
    if not path.exists:
        return no(
            f"{path.path} does not exist on the destination", remedies=[make_directory(path.path)]
        )
    if share.type == "mount" and path.kind and path.kind != "directory":
        return no(f"{path.path} is a {path.kind} on the destination, not a directory")
    if share.driver == "virtiofs":
        return yes(f"{path.path} is there")
    for each in case.probes.accesses:
        if each.path == path.path and each.HasField("answer") and not each.answer.allowed:
            text = f"user {each.answer.user_id} may not read {path.path}: {each.answer.reason}"
            return no(text, remedies=[make_directory(path.path)])
    return probably_yes(
        f"{path.path} is there; QEMU blocks the migration while the guest has the 9p share mounted",
        probability=0.6,
    )
