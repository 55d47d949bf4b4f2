"""When a live copy of memory ends: what may be sent, and what a measured rate says.

QEMU goes on copying until what is left can be sent while the guest is stopped for no longer than
the maximum downtime. Let D(t) be what the guest changes in a time t: it grows ever slower, as pages
are written again that were written before. So the copy never ends where D(downtime) is more than
can be sent in that time, and D(downtime) is at least its share of D(period), and at most all of it.

Source: QEMU migration_iteration_run, threshold_size; calc-dirty-rate, mode page-sampling.
"""

import math
from dataclasses import dataclass

from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.probe_pb2 import DirtyRateAnswer
from vmfit.v1.vm_pb2 import VM_STATE_RUNNING
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import chooses, reads
from vmfit_comparator.knowledge.connections import runs_on_qemu
from vmfit_comparator.knowledge.migration_link import link_bytes_per_second

PERIOD_SECONDS = 1
"""The shortest that libvirt measures in."""
# libvirt leaves QEMU's default, unless somebody ran migrate-setmaxdowntime.
_DOWNTIME_SECONDS = 0.3
SAMPLE_BYTES = 2 << 20
"""What one page stands for of the 512 that QEMU samples of each GiB."""
# Three standard deviations of a Poisson count's square root.
_DEVIATIONS = 1.5
# 1 Gbit/s: below that, a limit slows down what a usual network would send.
_USUAL_BYTES_PER_SECOND = 125_000_000
# A copy that takes so long anyhow can wait a second for a measurement.
_LONG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """What is sent at most."""

    bytes_per_second: int
    limited: bool
    """By the migration or the domain; otherwise by the link alone."""


@reads("options.bandwidth_bytes_per_second", "vm.migration_limit_bytes_per_second")
def bandwidth(case: Case) -> Bandwidth | None:
    """Return the lower of the limit and the link's speed, None when neither is known."""
    limit = case.options.bandwidth_bytes_per_second
    limit = limit or case.vm.migration_limit_bytes_per_second
    link = link_bytes_per_second(case)
    if limit and (not link or limit <= link):
        return Bandwidth(limit, limited=True)
    return Bandwidth(link, limited=False) if link else None


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends the copy whatever the guest writes."""

    reason: str
    stops_live_guest: bool = False


@chooses("options")
@reads(
    *("vm.state", "options.live", "options.post_copy", "options.post_copy_after_precopy"),
    *("options.timeout_seconds", "options.timeout_action"),
)
def ending(case: Case) -> Ending | None:
    """Return what ends the copy in any case, None when nothing sees to that."""
    options, vm = case.options, case.vm
    if vm.HasField("state") and vm.state != VM_STATE_RUNNING:
        return Ending("the guest does not run, it writes nothing")
    # Where nothing is said of how it migrates, it is as live as people mean it.
    if not options.live and options.ByteSize():
        return Ending("without --live the guest stands still while it is copied")
    if options.post_copy and (
        options.post_copy_after_precopy or options.timeout_action == "postcopy"
    ):
        return Ending("post-copy moves the guest whatever it writes")
    if options.timeout_seconds and options.timeout_action != "postcopy":
        reason = f"the guest is suspended after {options.timeout_seconds} s"
        return Ending(reason, stops_live_guest=True)
    return None


def is_in_doubt(case: Case) -> bool:
    """Tell whether only a measurement can say if the copy ends, and it is worth a second."""
    sent = bandwidth(case)
    if _has_time_limit(case):
        return runs_on_qemu(case.vm) and not case.options.offline
    if sent is None or not runs_on_qemu(case.vm) or ending(case):
        return False
    memory = case.vm.memory
    copied = memory.resident_bytes or memory.maximum_bytes
    slow = sent.limited and sent.bytes_per_second < _USUAL_BYTES_PER_SECOND
    return slow or copied / sent.bytes_per_second >= _LONG_SECONDS


def _has_time_limit(case: Case) -> bool:
    policy = case.policy
    return policy.HasField("maximum_total_seconds") or policy.HasField("maximum_downtime_seconds")


@dataclass(frozen=True, slots=True)
class Left:
    """What the guest changes while a downtime's worth is sent, as far as a sample tells."""

    least_bytes: float
    """For certain, as long as it goes on like this."""
    lowest_bytes: float
    """By the sample as it is, at the lowest that it can mean."""
    likely_bytes: float
    """By the sample as it is, between no page and every page being written again."""
    most_bytes: float


def sampled(answer: DirtyRateAnswer) -> tuple[float, float, float]:
    """Return what changed in the period, within three standard deviations of a sample."""
    likely = answer.bytes_per_second * (answer.period_seconds or PERIOD_SECONDS)
    hits = likely / SAMPLE_BYTES
    least = max(math.sqrt(hits) - _DEVIATIONS, 0) ** 2 * SAMPLE_BYTES
    return least, likely, (math.sqrt(hits + 1) + _DEVIATIONS) ** 2 * SAMPLE_BYTES


def left(answer: DirtyRateAnswer, memory_bytes: int, downtime_seconds: float) -> Left:
    """Return the bounds of what was measured; the sample's hits are Poisson distributed."""
    period = answer.period_seconds or PERIOD_SECONDS
    least, likely, most = sampled(answer)
    times = downtime_seconds / period
    share, multiple = min(1.0, times), max(1.0, times)
    bounds = (least * share, likely * share, likely * math.sqrt(times), most * multiple)
    return Left(*(min(each, memory_bytes or each) for each in bounds))


def downtime_seconds(answer: DirtyRateAnswer, sent: Bandwidth, options: MigrationOptions) -> float:
    """Return how long the guest may stand still at the end, at the bandwidth before.

    QEMU that is told another bandwidth for the end takes that for granted.
    """
    told = answer.maximum_downtime_seconds
    downtime = told if 0 < told < math.inf else _DOWNTIME_SECONDS
    switchover = options.switchover_bandwidth_bytes_per_second or sent.bytes_per_second
    return downtime * switchover / sent.bytes_per_second
