"""Do libvirt and QEMU know a migration with these flags?"""

from vmfit.v1.migration_pb2 import StorageCopy
from vmfit.v1.vm_pb2 import VM_STATE_PAUSED
from vmfit_comparator.evaluation.applicability import QEMU
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import add_option, change_definition, drop_option
from vmfit_comparator.evaluation.result import (
    Result,
    joined,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.compression import compression
from vmfit_comparator.knowledge.connections import (
    destination_hypervisor_version,
    source_connection,
    source_libvirt_version,
)
from vmfit_comparator.knowledge.migration_flags import conflicts
from vmfit_comparator.knowledge.option_versions import Versions, unknown_options, versions_of
from vmfit_comparator.knowledge.versions import version_text

# libvirt refuses a list of disks to copy without a copy; older ones ignore it.
_STRICT_COPIED_DISKS = 9_002_000


# QEMU since tries /dev/userfaultfd too, which an administrator may open to it.
_DEV_USERFAULTFD = 8_000_000


# QEMU refuses post-copy over several streams from one of these versions on, and can do it from the
# other on; before, it lets a migration begin that ends before post-copy does.
_PARALLEL_POST_COPY = (8_000_000, 10_001_000)


_ROOT = ("root", "0", "+0")


@fact(
    hypervisors=QEMU,
    needs="vm.domain_type",
    reads=(
        *("options", "vm.state", "vm.state_reason", "vm.memory.hard_limit_bytes"),
        *("source.hypervisor.connections.migration_transports", "source.security.qemu_conf"),
        *("source.kernel.limits", "destination.kernel.limits", "destination.security.qemu_conf"),
    ),
    offline=True,
)
def migration_caps(case: Case) -> Result:
    """Judge the flags: against one another, and by what these versions and hosts can do.

    YES unless something is said here. Flags that libvirt refuses together are NO. So are options
    that the libvirt or QEMU of either side is too old for (PROBABLY_NO on distributions that add
    features to older versions), post-copy over parallel connections with QEMU 8.0 to 10.0, RDMA
    without memtune/hard_limit, a resumption of a post-copy that has not failed, and a migration
    without --tls between hosts of which one forces it. Post-copy is NO where the destination's
    kernel keeps page faults from a QEMU before 8.0 that is not root, PROBABLY_NO for newer ones and
    when its user is not known, NO_IDEA when the kernel's setting is unknown. Options that came
    after 2018 are NO_IDEA where versions are not known. Hypervisors other than QEMU: not
    applicable.

    Source: libvirt's qemu driver, virsh(1); QEMU's migration capabilities; userfaultfd(2).
    """
    found = {
        f"conflict {number}": no(each.reason, remedies=[each.remedy])
        for number, each in enumerate(conflicts(case.options), 1)
    }
    if case.options.offline:
        return joined(found) if found else not_applicable(_OFFLINE)
    found |= unknown_options(
        case.options, _versions(case, "source"), _versions(case, "destination")
    )
    for name, check in _CHECKS.items():
        outcome = check(case)
        if outcome is not None:
            found[name] = outcome
    return joined(found) if found else yes("nothing speaks against these flags")


def _versions(case: Case, side: str) -> Versions:
    return versions_of(side, case)


_OFFLINE = "an offline migration only defines the domain there"
_OVER_TCP = drop_option("--migrateuri rdma:", "TCP is the default")


def _rdma(case: Case) -> Result | None:
    if not case.options.migration_uri.startswith("rdma:"):
        return None
    if not case.vm.memory.HasField("hard_limit_bytes"):
        remedy = change_definition("Set memtune/hard_limit", "memtune/hard_limit", "")
        return no("libvirt wants memtune/hard_limit for RDMA", remedies=[remedy])
    connection = source_connection(case)
    if connection is not None and "rdma" not in connection.migration_transports:
        return no("the source's libvirt has no RDMA", remedies=[_OVER_TCP])
    return no_idea("whether RDMA devices lead from host to host is not known")


def _resumption(case: Case) -> Result | None:
    if not case.options.post_copy_resume:
        return None
    vm = case.vm
    if vm.state == VM_STATE_PAUSED and "postcopy" in vm.state_reason.replace("-", ""):
        return probably_yes(f"post-copy failed ({vm.state_reason}) and may be resumed")
    remedy = drop_option("--postcopy-resume", "it is for a post-copy migration that broke")
    return no("no broken post-copy migration waits to be resumed", remedies=[remedy])


def _forced_tls(case: Case) -> Result | None:
    options = case.options
    if options.tls or options.tunnelled:
        return None
    sides = {"source": case.source, "destination": case.destination}
    for side, snapshot in sides.items():
        if snapshot.security.qemu_conf.get("migrate_tls_force", "0") == "1":
            remedy = add_option("--tls", f"the {side}'s qemu.conf has migrate_tls_force")
            return no(f"the {side} migrates only with --tls", remedies=[remedy])
    return None


def _parallel_post_copy(case: Case) -> Result | None:
    if not (case.options.post_copy and case.options.parallel):
        return None
    remedy = drop_option("--parallel", "post-copy goes over one connection")
    refuses, can = _PARALLEL_POST_COPY
    unknown, older = [], []
    for each in (_versions(case, "source"), _versions(case, "destination")):
        if not each.qemu:
            unknown.append(f"{each.side}.hypervisor.connections.hypervisor_version")
        elif refuses <= each.qemu < can:
            return no(
                f"the {each.side}'s QEMU {version_text(each.qemu)} refuses post-copy over parallel "
                f"connections, only QEMU {version_text(can)} or newer does it",
                remedies=[remedy],
            )
        elif each.qemu < refuses:
            older.append(f"the {each.side}'s QEMU {version_text(each.qemu)}")
    if unknown:
        return no_idea(
            "whether QEMU does post-copy over parallel connections is not known", missing=unknown
        )
    if older:
        text = f"{' and '.join(older)} takes post-copy over parallel connections, which works only"
        return probably_yes(f"{text} if the guest moves before post-copy begins", probability=0.7)
    return None


def _post_copy(case: Case) -> Result | None:
    if not case.options.post_copy or case.options.post_copy_resume:
        return None
    limits = case.destination.kernel.limits
    user = case.destination.security.qemu_conf.get("user", "")
    if limits.unprivileged_userfaultfd or user in _ROOT:
        return None
    if not limits.HasField("unprivileged_userfaultfd"):
        missing = "destination.kernel.limits.unprivileged_userfaultfd"
        return no_idea("whether QEMU there may handle page faults is not known", missing=[missing])
    remedy = change_definition(
        "Set vm.unprivileged_userfaultfd=1 on the destination", "sysctl", "1"
    )
    old = 0 < destination_hypervisor_version(case) < _DEV_USERFAULTFD
    text = "the kernel there keeps page faults from processes without privileges"
    if user and old:
        return no(f"{text}, and QEMU runs as {user}", remedies=[remedy])
    return probably_no(f"{text}, as QEMU mostly is", remedies=[remedy])


def _zero_copy(case: Case) -> Result | None:
    limits = case.source.kernel.limits
    if not case.options.zero_copy or limits.memlock_unlimited:
        return None
    if limits.HasField("limits_raisable") and not limits.limits_raisable:
        return no(
            "the source's libvirtd may not raise the limit of locked memory for zero-copy",
            remedies=[drop_option("--zerocopy", "memory is not locked then")],
        )
    return None


def _copied_disks(case: Case) -> Result | None:
    options = case.options
    copies = options.storage_copy != StorageCopy.STORAGE_COPY_UNSPECIFIED
    if copies or not options.copied_disks:
        return None
    if source_libvirt_version(case) < _STRICT_COPIED_DISKS:
        return None
    remedy = drop_option("--migrate-disks", "or add --copy-storage-all")
    return probably_no("--migrate-disks names disks of a copy not asked for", remedies=[remedy])


_CHECKS = {
    "compression": lambda case: compression(
        case.options, [_versions(case, "source"), _versions(case, "destination")]
    ),
    "parallel post-copy": _parallel_post_copy,
    "copied disks": _copied_disks,
    "rdma": _rdma,
    "post-copy resumption": _resumption,
    "tls": _forced_tls,
    "post-copy": _post_copy,
    "zero-copy": _zero_copy,
}
