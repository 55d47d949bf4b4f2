"""Can the destination's control groups take the VM's weights?"""

import re

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.applicability import QEMU
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, joined, no, no_idea, not_applicable, yes

_MOUNTS = "destination.mounts.mounts"
_CONTROLLER = re.compile(r"/sys/fs/cgroup/(?:.*,)?cpu(?:,.*)?")
# The least and the most that libvirt takes, by the version of control groups.
_CPU_SHARES = {1: (2, 262_144), 2: (1, 10_000)}
_BLOCK_WEIGHT = {1: (10, 1000), 2: (1, 10_000)}


@fact(hypervisors=QEMU, applies_if="vm.tuning", needs=_MOUNTS, reads="vm.tuning")
def control_groups(case: Case) -> Result:
    """Compare the VM's weights with what the destination's version of control groups allows.

    - YES: every weight is one that libvirt takes: CPU shares 2 to 262144 with version 1, 1 to 10000
      with version 2; block weights 10 to 1000, and 1 to 10000.
    - NO: a weight is none, and libvirt does not start the guest.
    - NO_IDEA: a weight fits one version only, and which one the destination has is not known.

    Source: libvirt virCgroupV1SetCpuShares, virCgroupV2SetCpuShares (VIR_CGROUPV2_WEIGHT_MAX),
    virCgroupV1SetBlkioWeight, virCgroupV2SetBlkioWeight.
    """
    version = _version(case.destination)
    tuning, found = case.vm.tuning, {}
    for name, is_set, weight, ranges in (
        ("cputune/shares", tuning.HasField("cpu_shares"), tuning.cpu_shares, _CPU_SHARES),
        ("blkiotune/weight", tuning.HasField("block_weight"), tuning.block_weight, _BLOCK_WEIGHT),
    ):
        if is_set:
            found[name] = _judge(name, weight, ranges, version)
    return joined(found) if found else not_applicable("does not apply: the VM has no weights")


def _judge(
    name: str, weight: int, ranges: dict[int, tuple[int, int]], version: int | None
) -> Result:
    versions = (version,) if version is not None else tuple(ranges)
    fits = [ranges[each][0] <= weight <= ranges[each][1] for each in versions]
    if all(fits):
        return yes(f"{weight} is in range")
    if any(fits):
        told = f"{weight} fits one version of control groups, the destination's is not known"
        return no_idea(told, missing=[_MOUNTS])
    least, most = ranges[versions[0]]
    remedy = change_definition(
        f"Set {name} to at most {most}", name, str(min(max(weight, least), most))
    )
    return no(
        f"the destination has control groups of version {versions[0]}, for which libvirt takes "
        f"{least} to {most}, not {weight}",
        remedies=[remedy],
    )


@reads(_MOUNTS)
def _version(snapshot: Snapshot) -> int | None:
    """Return the version that has the CPU controller; None when no mount tells."""
    for mount in snapshot.mounts.mounts:
        if mount.type == "cgroup" and _CONTROLLER.fullmatch(mount.mount_point):
            return 1
    if any(
        mount.type == "cgroup2" and mount.mount_point == "/sys/fs/cgroup"
        for mount in snapshot.mounts.mounts
    ):
        return 2
    return None
