"""Are the images below every disk's top image there on the destination?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, yes
from vmfit_comparator.knowledge.disk_kinds import disks
from vmfit_comparator.knowledge.disks import DiskPair, opened_below
from vmfit_comparator.knowledge.host_paths import path_exists


@fact(each=disks, applies_if="incoming.disks.backing_chain")
def image_chain(pair: DiskPair, case: Case) -> Result | None:
    """Ask whether every backing image of what the destination will open is there.

    A missing base image is NO; one that nobody looked at, or whose name is not understood, is
    NO_IDEA. Those over the network are storage.network_reach's business. A disk whose top image is
    made by --copy-storage-all needs no chain: the copy is flat. So is that of an image which rests
    on nothing, whatever the one that waits for it names.

    Source: libvirt probes the whole chain before it starts QEMU.
    """
    if not pair.there.backing_chain:
        return None
    top = pair.there.source.path
    if path_exists(top, case) is False:
        return yes(f"{top.path} is missing itself")
    unknown = []
    images = opened_below(pair, case)
    for image in images:
        if not image.path.path:
            unknown += [image.name] if image.name and not image.protocol else []
            continue
        exists = path_exists(image.path, case)
        if exists is False:
            summary = f"Copy {image.path.path} to the destination"
            return no(
                f"backing image {image.path.path} of {top.path} is missing on the destination",
                remedies=[provide_storage(summary, image.path.path)],
            )
        if exists is None:
            unknown.append(image.path.path)
    if unknown:
        return no_idea(
            f"whether {', '.join(unknown)} exists on the destination is not known",
            missing=["incoming.disks.backing_chain.path.exists"],
        )
    return yes(f"all {len(images)} backing images are there")
