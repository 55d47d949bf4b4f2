"""Is the destination's kernel the same as the source's, or newer?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.versions import kernel_version


@fact(
    needs=("source.kernel.release", "destination.kernel.release"),
    offline=True,
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def kernel(case: Case) -> Result:
    """Compare the kernel releases.

    The same is YES, newer PROBABLY_YES, older PROBABLY_NO. It does not decide: what a
    kernel takes away or adds shows in the CPU features that the hypervisor reports.

    Source: uname(2).
    """
    before, after = case.source.kernel.release, case.destination.kernel.release
    text = f"source {before}, destination {after}"
    if before == after:
        return yes(text)
    versions = kernel_version(before), kernel_version(after)
    if not all(versions):
        return no_idea(f"{text}: these versions cannot be compared")
    if versions[1] >= versions[0]:
        return probably_yes(text)
    return probably_no(text, probability=0.4, remedies=[upgrade("the kernel", before)])
