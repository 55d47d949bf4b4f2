"""Facts about clocks."""

from vmfit.v1.finding_pb2 import Consequence, Remedy, Synchronise
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import Outcome, no_idea, probably_no, probably_yes, yes


@fact(
    "time.skew",
    question="Do both hosts' clocks agree?",
    reads=("source.clock.synchronised", "destination.clock.synchronised"),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def skew(migration: Migration) -> Outcome:
    """Compare both wall clocks, measured while both agents answer.

    YES within the policy's `clock_skew_yes_seconds`, PROBABLY_YES within
    `clock_skew_probably_seconds`, else PROBABLY_NO, give or take the round trips. From
    files only the kernels' word is known: both synchronised is PROBABLY_YES. Certificates, leases
    and the guest's clock depend on it.

    Source: adjtimex(2).
    """
    margins = migration.policy.margins
    difference = migration.clock_difference_seconds
    if difference is None:
        if migration.source.clock.synchronised and migration.destination.clock.synchronised:
            return probably_yes("both kernels hold their clocks for synchronised")
        return no_idea("a clock is not synchronised, and the difference was not measured")
    apart = max(abs(difference) - migration.clock_uncertainty_seconds, 0.0)
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


FACTS = (skew,)
