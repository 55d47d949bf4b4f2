"""Can the destination back the guest's memory as the definition says?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import provide_storage, upgrade
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.capabilities import destination_capabilities
from vmfit_comparator.knowledge.guest_memory import (
    must_be_resident,
    ordinary_bytes,
    size_text,
)
from vmfit_comparator.knowledge.host_paths import destination_mount

_BACKING_DIRECTORY = "/var/lib/libvirt/qemu/ram"


@fact(
    applies_if="incoming.memory.source_type",
    needs=("incoming.memory.source_type", "destination.hypervisor"),
    reads=(
        *("vm.memory.resident_bytes", "incoming.memory", "destination.security.qemu_conf"),
        "destination.hypervisor.connections.domain_capabilities.memory_backing_types",
    ),
    grouping=Grouping(room=True),
)
def backend(case: Case) -> Result:
    """Look the memory source (anonymous, file, memfd) up in the domain capabilities.

    Listed is YES, absent from the list NO; without a list (libvirt before 7.9) NO_IDEA. Files need
    room in memory_backing_dir: read-only, or too little for memory that is taken at the start, is
    NO; too little for memory that comes as it is touched PROBABLY_NO, PROBABLY_YES where it is
    enough for what is resident now.

    Source: virConnectGetDomainCapabilities: memoryBacking; qemu.conf; mountinfo; statvfs(3).
    """
    wanted = case.incoming.memory.source_type
    capabilities = destination_capabilities(case)
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
    mount, wanted = destination_mount(directory, case), ordinary_bytes(vm)
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
