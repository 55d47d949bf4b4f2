"""Is the destination's libvirt at least as new as the source's?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no_idea, probably_no, yes
from vmfit_comparator.knowledge.connections import (
    destination_libvirt_version,
    source_libvirt_version,
)
from vmfit_comparator.knowledge.versions import version_text


@fact(
    needs=("source.hypervisor", "destination.hypervisor"),
    offline=True,
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def libvirt_version(case: Case) -> Result:
    """Compare the libvirt versions.

    The same or newer is YES, older PROBABLY_NO: it may not know something in the domain's XML. It
    does not decide: libvirt migrates to older versions as long as the definition uses nothing new.

    Source: virConnectGetLibVersion.
    """
    before = source_libvirt_version(case)
    after = destination_libvirt_version(case)
    if not before or not after:
        side = "destination" if before else "source"
        missing = f"{side}.hypervisor.connections.libvirt_version"
        return no_idea(f"the {side}'s libvirt version is not known", missing=[missing])
    text = f"source {version_text(before)}, destination {version_text(after)}"
    if after >= before:
        return yes(text)
    return probably_no(text, probability=0.4, remedies=[upgrade("libvirt", version_text(before))])
