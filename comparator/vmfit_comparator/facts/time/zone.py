"""Does a guest whose clock shows its host's local time find the same time zone?"""

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, Consequence
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no_idea,
    not_applicable,
    probably_yes,
    yes,
)


@fact(
    applies_if="vm.clock_offset",
    reads=("vm.clock_offset", "source.clock.time_zone", "destination.clock.time_zone"),
    offline=True,
    consequence=Consequence.CONSEQUENCE_BREAKS_GUEST,
)
def zone(case: Case) -> Result:
    """Compare both hosts' time zones for a guest with <clock offset='localtime'>.

    - YES: one time zone. PROBABLY_YES, REDUCED, where they differ: the clock travels as it is, and
      shows the destination's local time from the next start on.
    - NO_IDEA: a time zone is not known.

    Source: libvirt formatdomain, clock; QEMU's -rtc base=localtime; /etc/localtime.
    """
    if case.vm.clock_offset != "localtime":
        return not_applicable("the guest's clock does not follow its host's time zone")
    here, there = case.source.clock.time_zone, case.destination.clock.time_zone
    if not (here and there):
        side = "destination" if here else "source"
        return no_idea(f"the {side}'s time zone is not known", missing=[f"{side}.clock.time_zone"])
    if here == there:
        return yes(f"both hosts are in {here}")
    return probably_yes(
        f"the source is in {here}, the destination in {there}: from its next start on the guest's "
        "clock shows another local time",
        quality=QUALITY_REDUCED,
    )
