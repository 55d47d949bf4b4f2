"""Is the destination free of memory pressure?"""

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, Consequence, FreeMemory, Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.guest_memory import (
    size_text,
)

_REDUCED = QUALITY_REDUCED


@fact(
    needs=("destination.memory.pressure",),
    reads=("destination.memory.swap_total_bytes", "destination.memory.swap_free_bytes"),
    offline=True,
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
def swap_psi(case: Case) -> Result:
    """Look at the time in which tasks there waited for memory.

    Under 1 % of the last minute is YES, under 10 % PROBABLY_YES, more PROBABLY_NO. It does not
    decide: a guest under pressure is slow, not broken.

    Source: /proc/pressure/memory.
    """
    memory = case.destination.memory
    share = memory.pressure.some_percent_60_seconds
    used = memory.swap_total_bytes - memory.swap_free_bytes
    text = (
        f"tasks waited for memory {share:.1f} % of the last minute, {size_text(used)} swapped out"
    )
    if share < 1:
        return yes(text)
    if share < 10:
        return probably_yes(text, quality=_REDUCED)
    remedy = Remedy(summary="Free memory on the destination", free_memory=FreeMemory())
    return probably_no(text, remedies=[remedy])
