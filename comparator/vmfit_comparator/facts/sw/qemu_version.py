"""Is the destination's hypervisor at least as new as the source's?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, yes
from vmfit_comparator.knowledge.connections import (
    destination_hypervisor_version,
    source_hypervisor_version,
)
from vmfit_comparator.knowledge.versions import version_text


@fact(
    needs=("source.hypervisor", "destination.hypervisor"),
    offline=True,
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def qemu_version(case: Case) -> Result:
    """Compare the hypervisor's versions.

    The same or newer is YES; an older release of the same major version PROBABLY_NO, an older major
    version NO: nobody tests migrating to it. It does not decide: a guest whose machine type is
    there (machine.type) mostly migrates all the same, and distributions port fixes back.

    Source: virConnectGetVersion.
    """
    before = source_hypervisor_version(case)
    after = destination_hypervisor_version(case)
    if not before or not after:
        side = "destination" if before else "source"
        missing = f"{side}.hypervisor.connections.hypervisor_version"
        return no_idea(f"the {side}'s hypervisor version is not known", missing=[missing])
    text = f"source {version_text(before)}, destination {version_text(after)}"
    if after >= before:
        return yes(text)
    remedy = upgrade("QEMU", version_text(before))
    if after // 1_000_000 == before // 1_000_000:
        return probably_no(text, probability=0.4, remedies=[remedy])
    return no(text, remedies=[remedy])
