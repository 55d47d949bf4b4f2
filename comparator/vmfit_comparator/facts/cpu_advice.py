"""Facts about the processors that a guest does not depend on: microcode and vulnerabilities."""

from vmfit.v1.finding_pb2 import Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, probably_no, probably_yes, yes


@fact(
    "cpu.microcode",
    question="Do both processors run the same microcode?",
    reads=("source.cpu.microcode_revisions", "destination.cpu.microcode_revisions"),
    also_reads=(
        "source.cpu.model",
        "destination.cpu.model",
        "source.cpu.stepping",
        "destination.cpu.stepping",
    ),
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


@fact(
    "cpu.vulnerabilities",
    question="Is the guest as well protected from processor bugs as before?",
    reads=("source.cpu.vulnerabilities", "destination.cpu.vulnerabilities"),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def vulnerabilities(case: Case) -> Result:
    """Compare what the kernels say of each known processor bug.

    YES unless the destination calls itself vulnerable to a bug that the source is not affected by
    or mitigates: PROBABLY_NO. It does not decide: policies may.

    Source: /sys/devices/system/cpu/vulnerabilities.
    """
    before = case.source.cpu.vulnerabilities
    after = case.destination.cpu.vulnerabilities
    worse = sorted(
        f"{name} ({text})"
        for name, text in after.items()
        if text.startswith("Vulnerable")
        and name in before
        and not before[name].startswith("Vulnerable")
    )
    if worse:
        remedy = upgrade("kernel and microcode", "")
        return probably_no(f"only the destination is open to {', '.join(worse)}", remedies=[remedy])
    return yes("the destination is vulnerable to nothing that the source is not")


FACTS = (microcode, vulnerabilities)
