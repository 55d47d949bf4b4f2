"""A forecast as the contract has it."""

from vmfit.v1.estimate_pb2 import MigrationEstimate, Span
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.knowledge.connections import runs_on_qemu
from vmfit_comparator.knowledge.copying.forecast import Reach, forecast
from vmfit_comparator.knowledge.copying.limits import are_met, choices_that_fit


def estimate(case: Case) -> MigrationEstimate | None:
    """Return how long the case's migration takes; None where QEMU copies no memory.

    The options that would meet the policy's limits are tried only where a limit is not met.
    """
    if case.options.offline or not runs_on_qemu(case.vm) or not case.vm.memory.maximum_bytes:
        return None
    told = forecast(case)
    found = MigrationEstimate(
        total_seconds=_span(told.total),
        downtime_seconds=_span(told.downtime),
        sent_bytes=_span(told.sent),
        missing=told.missing,
    )
    if case.options.auto_converge:
        found.slowed_percent.CopyFrom(_span(told.slowed_percent))
    if case.options.timeout_seconds and told.total.expected is not None:
        found.ends_before_timeout = not told.by_timeout[1]
    if not are_met(told, case):
        found.fitting_options.extend(each.words for each in choices_that_fit(case))
    return found


def _span(reach: Reach) -> Span:
    return Span(low=reach.low, expected=reach.expected, high=reach.high)
