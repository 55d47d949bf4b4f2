"""Has QEMU's command line nothing that cannot migrate?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.connections import source_connection
from vmfit_comparator.knowledge.qemu_arguments import device_models

# Device models whose state QEMU never sends (unmigratable device states, migration blockers).
_UNMIGRATABLE = (
    *("nvme", "nvme-ns", "ivshmem-doorbell", "virtio-crypto", "virtio-snd", "virtio-pmem"),
    *("virtio-vga-gl", "virtio-gpu-gl", "vhost-user-gpu", "virtio-input-host", "usb-mtp"),
)


# QEMU sends its state since this version.
_MIGRATABLE_SINCE = {"vhost-user-fs": 8_002_000}


@fact(
    applies_if="vm.qemu_arguments",
    needs="vm.qemu_arguments",
    reads="source.hypervisor.connections",
)
def migration_blockers(case: Case) -> Result:
    """Read what the definition hands to QEMU past libvirt (qemu:commandline).

    A device model that QEMU never migrates is NO. Other devices given so are PROBABLY_YES: libvirt
    hands the same words to the destination, and knows nothing of what is behind them; settings
    that are no devices are YES. What libvirt's own elements hide, dev.blockers and dev.hostdev
    judge: asking QEMU itself would mark the domain as tainted.

    Source: QEMU's device states (unmigratable); query-migrate, blocked-reasons.
    """
    words = list(case.vm.qemu_arguments)
    models = device_models(words)
    connection = source_connection(case)
    qemu = connection.hypervisor_version if connection is not None else 0
    blocked = sorted({each for each in models if _is_blocked(each.removesuffix("-pci"), qemu)})
    if blocked:
        remedy = change_definition(f"Leave {', '.join(blocked)} out", "qemu:commandline", "")
        return no(f"QEMU does not migrate {', '.join(blocked)}", remedies=[remedy])
    if any("migratable=off" in each or "migratable=no" in each for each in words):
        remedy = change_definition("Leave migratable=off out", "qemu:commandline", "")
        text = "the command line makes the guest's CPU not migratable"
        return probably_no(text, remedies=[remedy])
    if models:
        return probably_yes(f"libvirt knows nothing of {', '.join(sorted(set(models)))}")
    return yes("the command line adds no devices")


def _is_blocked(model: str, qemu: int) -> bool:
    return model in _UNMIGRATABLE or 0 < qemu < _MIGRATABLE_SINCE.get(model, 0)
