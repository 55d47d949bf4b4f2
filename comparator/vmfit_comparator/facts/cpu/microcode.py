"""Do both processors run the same microcode?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit_comparator.evaluation.applicability import X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, probably_yes, yes


@fact(
    architectures=X86,
    needs=("source.cpu.microcode_revisions", "destination.cpu.microcode_revisions"),
    reads=(
        *("source.cpu.family", "source.cpu.model", "source.cpu.stepping"),
        *("destination.cpu.family", "destination.cpu.model", "destination.cpu.stepping"),
    ),
    offline=True,
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def microcode(case: Case) -> Result:
    """Compare the microcode revisions.

    The same is YES, another one PROBABLY_YES. Other processors have other microcode, YES. What a
    revision takes away shows among the features, which cpu.features compares.

    Source: /sys/devices/system/cpu/cpu*/microcode/version.
    """
    before, after = case.source.cpu, case.destination.cpu
    revisions = list(before.microcode_revisions), list(after.microcode_revisions)
    text = f"source {', '.join(revisions[0])}, destination {', '.join(revisions[1])}"
    if (before.family, before.model, before.stepping) != (
        after.family,
        after.model,
        after.stepping,
    ):
        return yes(f"the processors are of two kinds ({text})")
    if revisions[0] == revisions[1]:
        return yes(text)
    return probably_yes(text, remedies=[upgrade("the microcode", "")])
