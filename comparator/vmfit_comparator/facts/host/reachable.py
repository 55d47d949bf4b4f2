"""Do both hosts' agents answer, and lately enough?"""

from vmfit.v1.finding_pb2 import (
    Remedy,
    RestartService,
)
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping, Measure
from vmfit_comparator.evaluation.result import Result, no_idea, probably_no, probably_yes, yes


@fact(
    reads=(
        *("ages.source_error", "ages.destination_error"),
        *("ages.source_seconds", "ages.destination_seconds"),
        "policy.freshness.volatile_fields",
    ),
    offline=True,
    grouping=Grouping(measure=Measure.AGE),
)
def reachable(case: Case) -> Result:
    """Ask whether both agents answered, and how old their answers are.

    YES when both answers are as fresh as the policy wants volatile fields; PROBABLY_YES when one
    is older; NO_IDEA beyond the policy's bound. An agent that does not answer is PROBABLY_NO:
    mostly its host is down, sometimes only the agent is.

    Source: the agents' answers; policy freshness.volatile_fields.
    """
    silent = {"source": case.ages.source_error, "destination": case.ages.destination_error}
    if any(silent.values()):
        sides = "; ".join(f"the {side}'s agent: {why}" for side, why in silent.items() if why)
        remedy = Remedy(
            summary="Start vmfit-agent there, or check the network to it",
            restart_service=RestartService(name="vmfit-agent"),
        )
        return probably_no(sides, remedies=[remedy])
    bound = case.policy.freshness.volatile_fields
    ages = {
        "source": case.ages.source_seconds,
        "destination": case.ages.destination_seconds,
    }
    side = max(ages, key=lambda name: ages[name])
    seen = f"the older snapshot, the {side}'s, is {ages[side]:.0f} s old"
    if ages[side] <= bound.fresh_seconds:
        return yes(seen)
    if ages[side] <= bound.stale_seconds:
        return probably_yes(seen)
    return no_idea(seen, missing=[f"{side}.taken_at"])
