"""Does the destination have the guest's firmware, of the same size?"""

from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_yes, yes
from vmfit_comparator.knowledge.capabilities import destination_capabilities
from vmfit_comparator.knowledge.file_content import same_content


@fact(
    applies_if=("incoming.firmware.loader", "incoming.firmware.auto_type"),
    needs=("vm.firmware", "incoming.firmware"),
    reads="destination.hypervisor.connections.domain_capabilities.firmware",
)
def firmware(case: Case) -> Result:
    """Compare the firmware image on both hosts.

    The guest's firmware is memory and moves with it, so another build of the same size is
    PROBABLY_YES (the next start uses the destination's); another size QEMU refuses: NO. A missing
    image is NO, without both hashes or sizes it is PROBABLY_YES. A definition that leaves the
    choice to libvirt needs the destination's libvirt to offer such firmware.

    Source: content of the image; virConnectGetDomainCapabilities: os.
    """
    here, there = case.vm.firmware.loader, case.incoming.firmware.loader
    if not there.path:
        return _automatic(case)
    found = _presence(there, case)
    if found is not None:
        return found
    if not here.path:
        return probably_yes(f"{there.path} is there; the source's firmware is not known")
    same = same_content(here, there)
    if same:
        return yes(f"{there.path} is the same image on both hosts")
    if here.size_bytes and there.size_bytes and here.size_bytes != there.size_bytes:
        return no(
            f"{there.path} has {there.size_bytes} bytes there, {here.path} {here.size_bytes} here",
            remedies=[upgrade("the guest firmware of the same build", "")],
        )
    if same is False:
        return probably_yes(
            f"{there.path} is another build of the same size; the guest keeps its own until it "
            "is started anew"
        )
    return probably_yes(f"{there.path} is there; the images were not compared")


def _presence(loader: HostPath, case: Case) -> Result | None:
    """Return what speaks against the image's presence; None when it is there."""
    if loader.HasField("exists"):
        if loader.exists:
            return None
        return no(
            f"{loader.path} does not exist on the destination",
            remedies=[upgrade(f"the package with {loader.path}", "")],
        )
    capabilities = destination_capabilities(case)
    if capabilities is not None and loader.path in capabilities.firmware.loader_paths:
        return None
    return no_idea(
        f"whether {loader.path} exists on the destination is not known",
        missing=["incoming.firmware.loader.exists"],
    )


def _automatic(case: Case) -> Result:
    wanted = case.incoming.firmware.auto_type
    capabilities = destination_capabilities(case)
    if capabilities is None or not capabilities.HasField("firmware"):
        return no_idea(
            "the destination's firmware is not known",
            missing=["destination.hypervisor.connections.domain_capabilities.firmware"],
        )
    if wanted in capabilities.firmware.auto_types:
        return probably_yes(f"libvirt chooses {wanted} firmware there; which one is not compared")
    return no(
        f"the destination's libvirt has no {wanted} firmware to choose",
        remedies=[upgrade(f"{wanted} firmware", "")],
    )
