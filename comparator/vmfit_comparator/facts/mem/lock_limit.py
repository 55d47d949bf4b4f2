"""May the destination's guests lock as much memory as this one needs to?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    yes,
)
from vmfit_comparator.knowledge.guest_memory import (
    size_text,
)

# What VFIO needs beside the guest's memory: libvirt adds as much for I/O.
_IO_BYTES = 1 << 30


@fact(
    applies_if=(
        "incoming.memory.locked",
        "incoming.memory.hard_limit_bytes",
        "vm.host_devices",
        "options.rdma_pin_all",
    ),
    needs=("incoming.memory",),
    reads=(
        "vm.connection_uri",
        "vm.host_devices",
        "options.rdma_pin_all",
        "options.migration_uri",
        "destination.kernel.limits",
    ),
)
def lock_limit(case: Case) -> Result:
    """Compare what the guest locks with the limit that libvirtd hands on.

    An unlimited libvirtd is YES, and so is any limit for a root libvirtd that raises it: libvirt
    sets the limit itself for hard_limit, whether memory is locked or not, for locked memory and for
    VFIO. Too small a hard_limit is NO, and so is a limit below the need that libvirtd lacks the
    privilege to raise; a session libvirtd cannot raise it either, PROBABLY_NO.

    Source: /proc/PID/limits of libvirtd; libvirt qemuDomainGetMemLockLimitBytes.
    """
    vm, memory = case.vm, case.incoming.memory
    passed = any(each.type in {"pci", "mdev"} for each in vm.host_devices)
    options = case.options
    pinned = options.rdma_pin_all and options.migration_uri.startswith("rdma:")
    locks = memory.locked or passed or pinned
    if not (locks or memory.HasField("hard_limit_bytes")):
        return not_applicable("the guest locks no memory")
    needed = memory.maximum_bytes + (_IO_BYTES if passed else 0)
    if not locks:
        return _raised(memory.hard_limit_bytes, "may be locked", case)
    if memory.HasField("hard_limit_bytes") and memory.hard_limit_bytes < needed:
        text = f"hard_limit is {size_text(memory.hard_limit_bytes)}, {size_text(needed)} are locked"
        remedy = change_definition("Raise memtune/hard_limit", "memtune/hard_limit", str(needed))
        return no(text, remedies=[remedy])
    return _raised(needed, "are locked", case)


def _raised(needed: int, words: str, case: Case) -> Result:
    """Say whether libvirtd may raise the limit of locked memory to what is needed."""
    vm, limits = case.vm, case.destination.kernel.limits
    may_raise = limits.limits_raisable or not limits.HasField("limits_raisable")
    if limits.memlock_unlimited or (vm.connection_uri.endswith("/system") and may_raise):
        return yes(f"{size_text(needed)} {words}, libvirtd may raise the limit")
    if not limits.HasField("memlock_hard_bytes"):
        missing = "destination.kernel.limits.memlock_hard_bytes"
        return no_idea("libvirtd's limit of locked memory is not known", missing=[missing])
    text = f"{size_text(needed)} {words}, the limit is {size_text(limits.memlock_hard_bytes)}"
    if limits.memlock_hard_bytes >= needed:
        return yes(text)
    summary = "Raise LimitMEMLOCK of libvirt's service on the destination"
    remedies = [change_definition(summary, "systemd/LimitMEMLOCK", str(needed))]
    if may_raise:
        return probably_no(text, remedies=remedies)
    return no(f"{text}, and libvirtd may not raise it", remedies=remedies)
