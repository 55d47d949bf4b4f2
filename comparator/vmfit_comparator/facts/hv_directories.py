"""The fact about the directories that libvirt writes to for every QEMU guest."""

from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import (
    Outcome,
    no,
    no_idea,
    not_applicable,
    probably_no,
    worst_of,
    yes,
)
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.connections import connection_for, runs_on_qemu
from vmfit_comparator.knowledge.host_paths import mount_above

# The log, the monitor's socket and the guest's keys, the state of the running guest.
_DIRECTORIES = ("/var/log/libvirt/qemu", "/var/lib/libvirt/qemu", "/run/libvirt")
_LITTLE_BYTES = 1 << 20


@fact(
    "hv.directories",
    question="Can the destination's libvirt write where it must for a guest to start?",
    reads=("vm.domain_type", "destination.mounts.mounts"),
    also_reads=("vm.connection_uri", "destination.hypervisor.connections"),
)
@unless_offline
def directories(migration: Migration) -> Outcome:
    """Look at the mounts that hold /var/log/libvirt/qemu, /var/lib/libvirt/qemu and /run/libvirt.

    One that is mounted read-only is NO, one with less than 1 MiB available PROBABLY_NO (root
    may have a reserve), else YES. Where no mount is known that holds them it is NO_IDEA. A session
    driver writes below the user's home, which is not asked.

    Source: mountinfo; statvfs(3); libvirt's system driver for QEMU.
    """
    if not runs_on_qemu(migration.vm):
        return not_applicable("does not apply: not a QEMU guest")
    connection = connection_for(migration.vm, migration.destination)
    uri = connection.uri if connection is not None else migration.vm.connection_uri
    if uri.partition("?")[0].endswith("/session"):
        return not_applicable("does not apply: a session driver writes below the user's home")
    return worst_of({path: _directory(path, migration) for path in _DIRECTORIES})


def _directory(path: str, migration: Migration) -> Outcome:
    mount = mount_above(path, migration.destination.mounts)
    if mount is None:
        return no_idea("no mount is known that holds it", missing=["destination.mounts.mounts"])
    if mount.read_only:
        remedy = provide_storage(f"Mount {mount.mount_point} writable on the destination", path)
        return no(f"{mount.mount_point} is mounted read-only", remedies=[remedy])
    if mount.HasField("available_bytes") and mount.available_bytes < _LITTLE_BYTES:
        remedy = provide_storage(f"Free space on {mount.mount_point} of the destination", path)
        return probably_no(
            f"{mount.mount_point} has {mount.available_bytes} bytes left",
            # libvirt runs as root, for whom ext4 and others keep a reserve.
            probability=0.3,
            remedies=[remedy],
        )
    return yes(f"{mount.mount_point} is writable")


FACTS = (directories,)
