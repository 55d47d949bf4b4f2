"""What a policy's limits of time make of a forecast, and which options would meet them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from vmfit.v1.finding_pb2 import QUALITY_NATIVE, QUALITY_REDUCED, Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import chooses, reads
from vmfit_comparator.evaluation.remedies import add_option, drop_option
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.copying.asked import Asked, asked
from vmfit_comparator.knowledge.copying.forecast import Forecast, Reach, forecast_of


def seconds_text(seconds: float) -> str:
    """Return "0.14 s", "3.2 s", "47 s", "1 h 12 min"."""
    if seconds < 100:
        return f"{seconds:.2g} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def reach_text(reach: Reach) -> str:
    """Return "12 s (8.1 s to 40 s)", "at least 8.1 s", "12 s (at least 8.1 s)"."""
    low = seconds_text(reach.low)
    if reach.high is not None:
        span = f"{low} to {seconds_text(reach.high)}"
        return span if reach.expected is None else f"{seconds_text(reach.expected)} ({span})"
    least = f"at least {low}"
    return least if reach.expected is None else f"{seconds_text(reach.expected)} ({least})"


def judged(told: Forecast, reach: Reach, limit: float, verb: str, remedies: list[Remedy]) -> Result:
    """Return the answer for one limit."""
    text = f"the migration {verb} {reach_text(reach)}, of {seconds_text(limit)} that it may"
    slowed = told.slowed_percent.high or told.slowed_percent.expected or 0
    quality = QUALITY_REDUCED if slowed or any(told.by_timeout) else QUALITY_NATIVE
    if slowed:
        text = f"{text}; the guest is slowed down by up to {slowed:.0f} %"
    if reach.high is not None and reach.high <= limit:
        return yes(text, quality=quality)
    if told.endless[0]:
        return no(f"{text}: it never ends while the guest writes so much", remedies=remedies)
    if reach.low > limit:
        return probably_no(text, probability=0.1, remedies=remedies)
    if told.endless[1]:
        return probably_no(f"{text}: it may never end", probability=0.2, remedies=remedies)
    if reach.expected is None:
        return no_idea(text, missing=list(told.missing), remedies=remedies)
    if reach.expected > limit:
        return probably_no(text, probability=0.3, remedies=remedies)
    return probably_yes(text, probability=0.8, quality=quality, remedies=remedies)


@dataclass(frozen=True, slots=True)
class Choice:
    """Other options of `virsh migrate`, with the words for people."""

    words: str
    remedy: Remedy
    asked: Asked


@reads("policy.maximum_total_seconds", "policy.maximum_downtime_seconds")
def limits_seconds(case: Case) -> tuple[float, float]:
    """Return the policy's limits of total and downtime; infinite for none."""
    policy = case.policy
    total = policy.HasField("maximum_total_seconds")
    still = policy.HasField("maximum_downtime_seconds")
    return (
        policy.maximum_total_seconds if total else math.inf,
        policy.maximum_downtime_seconds if still else math.inf,
    )


def choices_that_fit(case: Case) -> list[Choice]:
    """Return the single changes of the options that are expected to meet the policy's limits."""
    return [each for each in _choices(case) if are_met(forecast_of(each.asked, case), case)]


def are_met(told: Forecast, case: Case) -> bool:
    """Tell whether the expected values are within the policy's limits."""
    return all(
        limit == math.inf or (reach.expected is not None and reach.expected <= limit)
        for reach, limit in zip((told.total, told.downtime), limits_seconds(case), strict=True)
    )


@chooses("options", "destination.kernel.limits.unprivileged_userfaultfd")
def _choices(case: Case) -> Iterator[Choice]:
    """Yield what leaves security and place of the guest as they are."""
    options, how = case.options, asked(case)
    alone = not (options.tunnelled or options.post_copy or options.parallel)
    if options.bandwidth_bytes_per_second:
        remedy = drop_option("--bandwidth", "what the link can carry is sent")
        yield Choice("without --bandwidth", remedy, replace(how, limit_bytes=how.own_limit_bytes))
    if options.timeout_seconds and not options.timeout_action:
        remedy = drop_option("--timeout", "the guest is not suspended")
        yield Choice("without --timeout", remedy, replace(how, timeout_seconds=0))
    if not how.live:
        remedy = add_option("--live", "the guest runs while it is copied")
        yield Choice("--live", remedy, replace(how, live=True))
    if not options.auto_converge:
        remedy = add_option("--auto-converge", "it slows the guest down until its memory is sent")
        yield Choice("--auto-converge", remedy, replace(how, slow_first_percent=20))
    if alone and case.destination.kernel.limits.unprivileged_userfaultfd:
        words = "--postcopy --postcopy-after-precopy"
        remedy = add_option(words, "it moves whatever is written")
        yield Choice(words, remedy, replace(how, post_copy=True))
    if alone and not options.compressed:
        remedy = add_option("--parallel", "several connections send at once")
        yield Choice("--parallel", remedy, replace(how, connections=2))
