"""Are the CPUs that the guest is pinned to there, for guests to use?"""

from collections.abc import Iterator, Sequence

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, Remedy, RepinVcpus
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.evaluation.subjects import subjects

_CONTROL_GROUPS = ("cgroup", "cgroup2")


_REDUCED = QUALITY_REDUCED


@subjects("pinned thread")
@chooses("incoming.vcpus")
def pins(case: Case) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield what is pinned, and to which CPUs."""
    vcpus = case.incoming.vcpus
    for pin in vcpus.pins:
        yield f"vCPU {pin.vcpu_id}", pin.cpu_ids
    yield "all vCPUs", vcpus.cpu_ids
    yield "the emulator", vcpus.emulator_cpu_ids
    for thread in vcpus.iothread_pins:
        yield f"I/O thread {thread.iothread_id}", thread.cpu_ids


@fact(
    each=pins,
    applies_if=(
        *("incoming.vcpus.cpu_ids", "incoming.vcpus.pins", "incoming.vcpus.emulator_cpu_ids"),
        "incoming.vcpus.iothread_pins",
    ),
    needs="destination.cpu.online_cpu_ids",
    reads=("destination.kernel.limits.allowed_cpu_ids", "destination.mounts.mounts"),
)
def cpu_pinning(cpu_ids: Sequence[int], case: Case) -> Result | None:
    """Look up each pinned CPU among those online and those that libvirtd may use.

    All there is YES. A vCPU, emulator or I/O thread of which no pinned CPU is there is NO: the
    kernel refuses the affinity. Some there: PROBABLY_NO when the others do not exist (control
    groups refuse the set), PROBABLY_YES of REDUCED quality when libvirtd just may not use them, or
    when no control group is mounted there.

    Source: sched_setaffinity(2); cpuset.cpus; /proc/PID/status Cpus_allowed_list of libvirtd.
    """
    if not cpu_ids:
        return None
    online = set(case.destination.cpu.online_cpu_ids)
    if not online:
        missing = "destination.cpu.online_cpu_ids"
        return no_idea("which CPUs are online there is not known", missing=[missing])
    allowed = set(case.destination.kernel.limits.allowed_cpu_ids) & online or online
    # Without any, the kernel's affinity alone decides, which takes what there is of a set.
    mounts = case.destination.mounts.mounts
    strict = not mounts or any(each.type in _CONTROL_GROUPS for each in mounts)
    return _pinned(set(cpu_ids), online, allowed, strict=strict)


def _pinned(wanted: set[int], online: set[int], allowed: set[int], *, strict: bool) -> Result:
    usable = wanted & allowed
    names = ", ".join(map(str, sorted(wanted)))
    if usable == wanted:
        return yes(f"CPU {names} is there")
    lacking = ", ".join(map(str, sorted(wanted - usable)))
    missing = wanted - online
    why = f"CPU {lacking} is not " + ("online there" if missing else "for libvirtd to use there")
    remedy = Remedy(
        summary="Pin to CPUs that guests may use there, with --xml",
        repin_vcpus=RepinVcpus(cpu_ids=sorted(allowed)),
    )
    if not usable:
        return no(why, remedies=[remedy])
    if missing and strict:
        return probably_no(why, probability=0.3, remedies=[remedy])
    return probably_yes(why, quality=_REDUCED, remedies=[remedy])
