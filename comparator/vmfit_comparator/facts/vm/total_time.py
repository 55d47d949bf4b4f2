"""Does the migration end in the time that the policy gives it?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result
from vmfit_comparator.knowledge.copying.forecast import forecast
from vmfit_comparator.knowledge.copying.limits import are_met, choices_that_fit, judged


@fact(
    applies_if="policy.maximum_total_seconds",
    needs="vm.memory",
    reads="policy.maximum_total_seconds",
)
def total_time(case: Case) -> Result:
    """Compare the forecast of `virsh migrate`'s duration with the policy's `maximum_total_seconds`.

    YES when even the worst forecast fits, PROBABLY_YES when the expected one does; of REDUCED
    quality where auto-converge slows the guest down or --timeout suspends it. PROBABLY_NO when the
    expected one does not fit (0.3), may not end (0.2) or even the best does not fit (0.1): pages of
    zeros may be more than is thought. NO when the copy never ends, even at its best.
    NO_IDEA without a measured rate, a link's speed or a disk's size, where only that decides.

    Source: QEMU migration_thread, played with what was measured; docs/operating.md.
    """
    told, limit = forecast(case), case.policy.maximum_total_seconds
    remedies = [each.remedy for each in choices_that_fit(case)] if not are_met(told, case) else []
    return judged(told, told.total, limit, "takes", remedies)
