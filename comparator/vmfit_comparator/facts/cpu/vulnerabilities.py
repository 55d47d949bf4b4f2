"""Is the guest as well protected from processor bugs as before?"""

from vmfit.v1.finding_pb2 import Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import upgrade
from vmfit_comparator.evaluation.result import Result, probably_no, yes


@fact(
    needs=("source.cpu.vulnerabilities", "destination.cpu.vulnerabilities"),
    offline=True,
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
