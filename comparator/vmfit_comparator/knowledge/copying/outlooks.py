"""What is known of a copy before it starts, at its best, as it is expected, and at its worst."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from vmfit.v1.probe_pb2 import DirtyRateAnswer
from vmfit.v1.vm_pb2 import VM_STATE_RUNNING
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.knowledge.convergence import sampled
from vmfit_comparator.knowledge.copying.asked import Asked
from vmfit_comparator.knowledge.copying.rounds import Speeds, Writing
from vmfit_comparator.knowledge.disks import is_copied, pairs
from vmfit_comparator.knowledge.migration_link import link_bytes_per_second


class Outlook(NamedTuple):
    """One quantity: at its best for the migration, as expected, at its worst."""

    best: float
    expected: float
    worst: float

    def each(self, work: Callable[[float], float]) -> "Outlook":
        """Return what becomes of all three."""
        return Outlook(*map(work, self))


# Fitted on half of the real migrations in tests/e2e/times.json (emulated guests, two CPUs that
# others use too), and widened by what faster and slower hosts may do; the other half tests them.
# libvirt starts QEMU on the destination, defines and resumes the guest there.
STARTED_SECONDS = Outlook(0.4, 0.9, 4.0)
# Device state, the switch of disks and addresses, the destination's first instruction.
SWITCHED_SECONDS = Outlook(0.01, 0.05, 0.5)
# What one thread of QEMU sends, without and with TLS.
_THREAD_BYTES = Outlook(2e9, 3.2e8, 1.5e8)
_TLS_THREAD_BYTES = Outlook(1e9, 1.6e8, 8e7)
# Pages of zeros are recognised at the speed of memory; those that nobody touched fault first.
_SCANNED_BYTES = Outlook(4e10, 2e10, 1e9)
# A link carries headers and other people's traffic.
_LINK_SHARE = Outlook(1.0, 0.94, 0.5)
# QEMU counts in tenths of a second what it may send.
_LIMIT_SHARE = Outlook(1.05, 0.985, 0.85)
# Of an unknown link.
_USUAL_LINK_BYTES = 125_000_000.0
# What QEMU holds beside the guest's memory: its own, that of devices, translated code.
_PROCESS_BYTES = Outlook(9e7, 5e7, 2e7)
# Of the rest: pages that were touched, and hold zeros again.
_FILLED_SHARE = Outlook(0.6, 1.0, 1.0)
# What is left of a page that xbzrle has in its cache; at worst it is not there.
_XBZRLE_SHARE = Outlook(0.02, 0.5, 1.0)
_DISK_BYTES = Outlook(2e9, 1.6e8, 4e7)


def speeds(how: Asked, case: Case) -> tuple[Speeds, Speeds, Speeds]:
    """Return what is sent in a second: the least of limit, link and what threads can do.

    An unknown link is taken for no bound at best, and for half of 1 Gbit/s at worst.
    """
    link = link_bytes_per_second(case)
    thread = _TLS_THREAD_BYTES if how.encrypted else _THREAD_BYTES
    shares = _XBZRLE_SHARE if how.xbzrle else Outlook(1.0, 1.0, 1.0)
    unknown = Outlook(math.inf, math.inf, _USUAL_LINK_BYTES * _LINK_SHARE.worst)
    links = Outlook(*(link * each for each in _LINK_SHARE)) if link else unknown
    limits = Outlook(*((how.limit_bytes or math.inf) * each for each in _LIMIT_SHARE))
    found = []
    for index in range(3):
        # More threads help at best as much as there are, at worst not at all.
        fan = (how.connections, (1 + how.connections) / 2, 1)[index]
        line = min(links[index], thread[index] * fan)
        rate = min(line, limits[index])
        found.append(Speeds(rate, line, _SCANNED_BYTES[index], shares[index]))
    return found[0], found[1], found[2]


@reads("probes.dirty_rate", "vm.dirty_rate_bytes_per_second", "vm.dirty_rate_period_seconds")
def measured_rate(case: Case) -> DirtyRateAnswer | None:
    """Return how fast the guest writes, by the probe or by whoever described it."""
    probe, vm = case.probes.dirty_rate, case.vm
    if probe.HasField("answer"):
        return probe.answer
    if not vm.HasField("dirty_rate_bytes_per_second"):
        return None
    return DirtyRateAnswer(
        bytes_per_second=vm.dirty_rate_bytes_per_second,
        period_seconds=vm.dirty_rate_period_seconds,
    )


def writings(answer: DirtyRateAnswer, memory_bytes: float) -> tuple[Writing, Writing, Writing]:
    """Return what is written: within a sample's error, and with pages written again or not."""
    least, likely, most = sampled(answer)
    period = answer.period_seconds or 1
    return (
        Writing(least, period, 1.0, 0.0, memory_bytes),
        Writing(likely, period, 0.5, 0.75, memory_bytes),
        Writing(most, period, 0.0, 1.0, memory_bytes),
    )


@dataclass(frozen=True, slots=True)
class Contents:
    """What is there to be sent."""

    memory_bytes: float
    filled_bytes: Outlook
    disk_bytes: float
    """Allocated by disks that are copied."""
    disks_known: bool
    runs: bool


@reads(
    *("vm.memory.maximum_bytes", "vm.memory.resident_bytes", "vm.state"),
    *("vm.disks.source.allocation_bytes", "vm.disks.source.virtual_size_bytes"),
)
def contents(case: Case) -> Contents:
    """Return what QEMU holds of the guest's memory, and its disks that are copied."""
    memory = case.vm.memory
    whole = memory.maximum_bytes
    filled = Outlook(0.0, whole, whole)
    if memory.HasField("resident_bytes"):
        resident = memory.resident_bytes
        filled = Outlook(
            *(
                share * min(max(resident - own, 0), whole)
                for share, own in zip(_FILLED_SHARE, _PROCESS_BYTES, strict=True)
            )
        )
    sources = [each.here.source for each in pairs(case) if is_copied(each.here, case)]
    sizes = [each.allocation_bytes or each.virtual_size_bytes for each in sources]
    running = not case.vm.HasField("state") or case.vm.state == VM_STATE_RUNNING
    return Contents(memory.maximum_bytes, filled, sum(sizes), all(sizes), running)


def disk_seconds(case: Contents, speed: tuple[Speeds, Speeds, Speeds]) -> Outlook:
    """Return how long the disks take, which go before the memory, by link, limit and device."""
    return Outlook(
        *(
            case.disk_bytes / min(each.limited_bytes, device)
            for each, device in zip(speed, _DISK_BYTES, strict=True)
        )
    )
