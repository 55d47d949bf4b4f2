"""Facts about how the guest's memory is backed: source, locking, DIMMs."""

from vmfit.v1.finding_pb2 import ANSWER_YES
from vmfit.v1.vm_pb2 import MemoryDevice
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, provide_storage, upgrade
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.facts.dev_paths import existing
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.connections import domain_capabilities_for
from vmfit_comparator.knowledge.disks import joined
from vmfit_comparator.knowledge.guest_memory import (
    must_be_resident,
    ordinary_bytes,
    size_text,
)
from vmfit_comparator.knowledge.host_paths import mount_above

# What VFIO needs beside the guest's memory: libvirt adds as much for I/O.
_IO_BYTES = 1 << 30
_BACKING_DIRECTORY = "/var/lib/libvirt/qemu/ram"


@fact(
    "mem.backend",
    question="Can the destination back the guest's memory as the definition says?",
    applies_if=("incoming.memory.source_type",),
    reads=("incoming.memory.source_type", "destination.hypervisor.connections"),
    also_reads=(
        "vm.domain_type",
        "vm.architecture",
        "vm.os_type",
        "vm.machine_type",
        "vm.emulator",
        "vm.connection_uri",
        "vm.memory.resident_bytes",
        "incoming.memory",
        "incoming.numa.cells",
        "destination.mounts.mounts",
        "destination.security.qemu_conf",
    ),
)
@unless_offline
def backend(case: Case) -> Result:
    """Look the memory source (anonymous, file, memfd) up in the domain capabilities.

    Listed is YES, absent from the list NO; without a list (libvirt before 7.9) NO_IDEA. Files need
    room in memory_backing_dir: read-only, or too little for memory that is taken at the start, is
    NO; too little for memory that comes as it is touched PROBABLY_NO, PROBABLY_YES where it is
    enough for what is resident now.

    Source: virConnectGetDomainCapabilities: memoryBacking; qemu.conf; mountinfo; statvfs(3).
    """
    wanted = case.incoming.memory.source_type
    capabilities = domain_capabilities_for(case.vm, case.destination)
    types = list(capabilities.memory_backing_types) if capabilities is not None else []
    if not types:
        missing = "destination.hypervisor.connections.domain_capabilities.memory_backing_types"
        return no_idea("libvirt does not tell how it can back memory", missing=[missing])
    text = f"memory of type {wanted}; the destination has {', '.join(types)}"
    if wanted not in types:
        return no(text, remedies=[upgrade("QEMU and libvirt", "")])
    return (_files(case) if wanted == "file" else None) or yes(text)


def _files(case: Case) -> Result | None:
    """Say what speaks against files for the guest's memory; None when nothing does."""
    vm, destination = case.incoming, case.destination
    directory = destination.security.qemu_conf.get("memory_backing_dir") or _BACKING_DIRECTORY
    mount, wanted = mount_above(directory, destination.mounts), ordinary_bytes(vm)
    if mount is None or not wanted:
        return None
    if mount.read_only:
        remedy = provide_storage(f"Mount {mount.mount_point} writable", directory)
        return no(f"{mount.mount_point} is mounted read-only", remedies=[remedy])
    if not mount.HasField("available_bytes") or mount.available_bytes >= wanted:
        return None
    text = f"{mount.mount_point} has room for {size_text(mount.available_bytes)}, "
    text += f"{size_text(wanted)} of memory are wanted in files there"
    remedies = [provide_storage(f"Free space on {mount.mount_point}", directory)]
    if must_be_resident(vm):
        return no(text, remedies=remedies)
    used = case.vm.memory
    if used.HasField("resident_bytes") and mount.available_bytes >= used.resident_bytes:
        text += f", {size_text(used.resident_bytes)} are in use"
        return probably_yes(text, probability=0.8, remedies=remedies)
    return probably_no(text, probability=0.2, remedies=remedies)


@fact(
    "mem.lock_limit",
    question="May the destination's guests lock as much memory as this one needs to?",
    applies_if=(
        "incoming.memory.locked",
        "incoming.memory.hard_limit_bytes",
        "vm.host_devices",
        "options.rdma_pin_all",
    ),
    reads=("incoming.memory",),
    also_reads=(
        "vm.connection_uri",
        "vm.host_devices",
        "options.rdma_pin_all",
        "options.migration_uri",
        "destination.kernel.limits",
    ),
)
@unless_offline
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


@fact(
    "mem.dimm_layout",
    question="Does the definition say where each memory device lies?",
    applies_if=("vm.memory.devices",),
    reads=("vm.memory.devices", "vm.state"),
)
@unless_offline
def dimm_layout(case: Case) -> Result:
    """Check that every DIMM and NVDIMM has its slot and base address.

    All placed is YES: libvirt hands the addresses on. A DIMM without is NO: the
    destination could place it elsewhere, and QEMU refuses the memory layout.

    Source: libvirt docs/formatdomain.rst, memory devices.
    """
    loose = [
        f"{each.model} {index}"
        for index, each in enumerate(case.vm.memory.devices)
        if each.model in {"dimm", "nvdimm"} and not each.HasField("slot")
    ]
    if not loose:
        return yes("every memory device has its place")
    remedy = change_definition("Give every memory device slot and base", "memory/address", "")
    return no(f"no slot is given for {', '.join(loose)}", remedies=[remedy])


@fact(
    "mem.nvdimm",
    question="Does the destination have the files that the guest's NVDIMMs lie in?",
    applies_if=("incoming.memory.devices.source",),
    reads=("incoming.memory.devices",),
)
@unless_offline
def nvdimm(case: Case) -> Result:
    """Look the files and devices up that back NVDIMMs and virtio-pmem.

    Missing, or smaller than the device, is NO: QEMU maps them before the guest's memory comes. One
    that nobody looked for is NO_IDEA, else YES.

    Source: stat(2); QEMU's memory-backend-file.
    """
    outcomes = {
        each.source.path: _persistent(each)
        for each in case.incoming.memory.devices
        if each.source.path
    }
    return joined(outcomes, "does not apply: no memory device lies in a file")


def _persistent(device: MemoryDevice) -> Result:
    found = existing(device.source, "incoming.memory.devices.source")
    size = device.source.size_bytes if found.answer == ANSWER_YES else 0
    if 0 < size < device.size_bytes:
        return no(f"it has {size_text(size)} there, {size_text(device.size_bytes)} are mapped")
    return found


FACTS = (backend, lock_limit, dimm_layout, nvdimm)
