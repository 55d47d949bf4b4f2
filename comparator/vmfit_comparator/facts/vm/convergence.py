"""Is the guest's memory sent faster than the guest writes to it?"""

import shlex

from vmfit.v1.finding_pb2 import QUALITY_NATIVE, QUALITY_REDUCED, Remedy
from vmfit.v1.probe_pb2 import DirtyRateAnswer
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import add_option, drop_option
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.convergence import (
    SAMPLE_BYTES,
    Bandwidth,
    bandwidth,
    downtime_seconds,
    ending,
    left,
)
from vmfit_comparator.knowledge.copying.forecast import forecast
from vmfit_comparator.knowledge.copying.limits import reach_text
from vmfit_comparator.knowledge.copying.outlooks import measured_rate
from vmfit_comparator.knowledge.copying.rounds import MOST_SLOWED_PERCENT
from vmfit_comparator.knowledge.guest_memory import size_text

_POST_COPY = "--postcopy --postcopy-after-precopy"


# What libvirt has of a domain that nobody set a limit for.
_UNLIMITED_MIB = (1 << 43) - 1


# Below this an ordinary guest may well write faster than its memory is sent.
_SLOW_BYTES_PER_SECOND = 64 << 20


# What is left must be so many times too much before it is certain that it stays so.
_FIRM_RATIO = 2


# A link has other traffic, and a single stream seldom fills it.
_LINK_SHARE = 0.5


# What writes as little as an idle guest, a sample cannot tell from one that writes more.
_TOO_FINE_BYTES = SAMPLE_BYTES / 4


@fact(
    needs="vm.memory",
    reads=(
        *("vm.dirty_rate_bytes_per_second", "vm.dirty_rate_period_seconds"),
        *("destination.kernel.limits.unprivileged_userfaultfd", "options", "vm.name"),
        *("vm.migration_limit_bytes_per_second", "probes.dirty_rate", "probes.not_asked"),
    ),
)
def convergence(case: Case) -> Result:
    """Compare what may be sent while the guest is stopped with what it writes in that time.

    YES where something ends the copy whatever is written: automatic post-copy, a time-out that
    suspends the guest, a guest that stands still. Otherwise by a measured rate, which counts each
    page once in a period of at least a second, and so bounds what changes in a downtime (0.3 s
    unless libvirt tells another) from below and above. YES when even the most fits (in half of
    what can be sent where only the link's speed limits), NO when the least is twice too much,
    PROBABLY_NO when it does not fit by the measurement as it is: at the lowest that it can mean
    (0.1), or between that and the highest (0.35; the root of the downtime's share of the period).
    Else PROBABLY_YES, but NO_IDEA when less fits than a sample tells (0.5 MiB). Where only the
    link's speed limits it, where pages are compressed, and where post-copy can be started by hand,
    NO is PROBABLY_NO. --auto-converge makes PROBABLY_YES of what is not YES, of REDUCED quality.
    Under a limit below 64 MiB/s with a rate that nobody measured it is NO_IDEA. Without a limit
    and a rate there is nothing to compare.

    Source: QEMU migration_iteration_run; virDomainStartDirtyRateCalc; virsh migrate.
    """
    end = ending(case)
    if end is not None:
        return yes(end.reason, quality=QUALITY_REDUCED if end.stops_live_guest else QUALITY_NATIVE)
    sent = bandwidth(case)
    measured = measured_rate(case)
    if sent is None or measured is None:
        return _unmeasured(case, sent)
    return _compared(case, sent, measured)


def _compared(case: Case, sent: Bandwidth, measured: DirtyRateAnswer) -> Result:
    downtime = downtime_seconds(measured, sent, case.options)
    room = sent.bytes_per_second * downtime
    remains = left(measured, case.vm.memory.maximum_bytes, downtime)
    period = measured.period_seconds or 1
    text = (
        f"it changes about {size_text(measured.bytes_per_second * period)} in {period} s, and "
        f"{size_text(sent.bytes_per_second)}/s are sent, {room / (1 << 20):.3g} MiB in the "
        f"{downtime:.3g} s that it may stand still"
    )
    if remains.most_bytes <= (room if sent.limited else room * _LINK_SHARE):
        return yes(text)
    if case.options.auto_converge:
        return _slowed(case, text)
    remedies = _remedies(case)
    if remains.least_bytes > _FIRM_RATIO * room:
        way_out = _way_out(case, sent)
        if not way_out:
            return no(text, remedies=remedies)
        return probably_no(f"{text}; {way_out}", probability=0.2, remedies=remedies)
    if remains.likely_bytes > room:
        probability = 0.1 if remains.lowest_bytes > room else 0.35
        return probably_no(text, probability=probability, remedies=remedies)
    if room < _TOO_FINE_BYTES:
        text = f"{text}: less than a sample of its pages can tell"
        return no_idea(text, remedies=remedies)
    return probably_yes(text, probability=0.7, remedies=remedies)


def _slowed(case: Case, text: str) -> Result:
    told = forecast(case)
    percent = told.slowed_percent.high or told.slowed_percent.expected or MOST_SLOWED_PERCENT
    took = reach_text(told.total)
    reason = f"{text}; it is slowed down by up to {percent:.0f} % until it fits, which takes {took}"
    return probably_yes(reason, quality=QUALITY_REDUCED)


def _way_out(case: Case, sent: Bandwidth) -> str:
    """Return what may yet end the copy; empty when nothing does."""
    options = case.options
    if options.post_copy:
        return "virsh migrate-postcopy, run by somebody, would end it"
    if options.compressed or options.compression_methods:
        return "how much compression saves is not known"
    return "" if sent.limited else "the link may not be the only one"


def _unmeasured(case: Case, sent: Bandwidth | None) -> Result:
    if sent is None or not sent.limited or sent.bytes_per_second >= _SLOW_BYTES_PER_SECOND:
        return not_applicable("no slow limit is asked for, and nobody measured what it writes")
    text = f"whether the guest writes more than the limit of {size_text(sent.bytes_per_second)}/s"
    if case.options.auto_converge:
        return probably_yes(
            f"{text} is not known; auto-converge slows it down", quality=QUALITY_REDUCED
        )
    why = case.probes.dirty_rate.error or case.probes.not_asked
    measure = Remedy(
        summary="Have libvirt measure on the source how fast the guest writes memory",
        command=f"virsh domdirtyrate-calc {shlex.quote(case.vm.name)}",
    )
    return no_idea(
        f"{text} is not known{f' ({why})' if why else ''}",
        missing=["probes.dirty_rate"],
        remedies=[*_remedies(case), measure],
    )


def _remedies(case: Case) -> list[Remedy]:
    options, kernel = case.options, case.destination.kernel
    remedies = [add_option("--auto-converge", "it slows the guest down until its memory is sent")]
    if kernel.limits.unprivileged_userfaultfd and not options.tunnelled:
        option = "--postcopy-after-precopy" if options.post_copy else _POST_COPY
        remedies.append(add_option(option, "it moves whatever is written"))
    remedies.append(add_option("--timeout 60", "the guest is suspended then, and the rest sent"))
    if options.bandwidth_bytes_per_second:
        remedies.append(drop_option("--bandwidth", "what the link can carry is sent"))
    elif case.vm.migration_limit_bytes_per_second:
        name = shlex.quote(case.vm.name)
        remedies.append(
            Remedy(
                summary="Take away the limit of what the domain's migrations send",
                command=f"virsh migrate-setspeed {name} {_UNLIMITED_MIB}",
            )
        )
    return remedies
