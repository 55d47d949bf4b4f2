"""Do both hosts' clocks agree?"""

from vmfit.v1.finding_pb2 import Consequence, Remedy, Synchronise
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping, Measure
from vmfit_comparator.evaluation.result import Result, no_idea, probably_no, probably_yes, yes


@fact(
    reads=(
        *("clock.difference_seconds", "clock.uncertainty_seconds"),
        *("policy.margins.clock_skew_yes_seconds", "policy.margins.clock_skew_probably_seconds"),
        *("source.clock.synchronised", "destination.clock.synchronised"),
    ),
    offline=True,
    consequence=Consequence.CONSEQUENCE_ADVISORY,
    grouping=Grouping(measure=Measure.CLOCK),
)
def skew(case: Case) -> Result:
    """Compare both wall clocks, measured while both agents answer.

    YES within the policy's `clock_skew_yes_seconds`, PROBABLY_YES within
    `clock_skew_probably_seconds`, else PROBABLY_NO, give or take the round trips. From
    files only the kernels' word is known: both synchronised is PROBABLY_YES. Certificates, leases
    and the guest's clock depend on it.

    Source: adjtimex(2).
    """
    margins = case.policy.margins
    if not case.clock.HasField("difference_seconds"):
        return _from_files(case)
    difference = case.clock.difference_seconds
    apart = max(abs(difference) - case.clock.uncertainty_seconds, 0.0)
    seen = f"the destination's clock is {difference:+.3f} s from the source's"
    if apart <= margins.clock_skew_yes_seconds:
        return yes(seen)
    if apart <= margins.clock_skew_probably_seconds:
        return probably_yes(seen)
    remedy = Remedy(
        summary="Synchronise both hosts' clocks (chronyd or systemd-timesyncd)",
        synchronise_clock=Synchronise(daemon="chronyd"),
    )
    return probably_no(seen, remedies=[remedy])


def _from_files(case: Case) -> Result:
    sides = {"source": case.source, "destination": case.destination}
    unknown = [side for side, host in sides.items() if not host.clock.HasField("synchronised")]
    if unknown:
        missing = [f"{side}.clock.synchronised" for side in unknown]
        return no_idea(f"{' and '.join(missing)} not known, nor measured", missing=missing)
    adrift = [side for side, host in sides.items() if not host.clock.synchronised]
    if adrift:
        return no_idea(f"the {adrift[0]}'s clock is not synchronised, and nobody measured it")
    return probably_yes("both kernels hold their clocks for synchronised")
