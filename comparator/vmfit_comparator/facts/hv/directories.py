"""Can the destination's libvirt write where it must for a guest to start?"""

from vmfit.v1.finding_pb2 import QUALITY_REDUCED
from vmfit_comparator.evaluation.applicability import QEMU
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.remedies import provide_storage
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
from vmfit_comparator.knowledge.connections import runs_in_session
from vmfit_comparator.knowledge.host_paths import destination_mount

_LOG = "/var/log/libvirt/qemu"


# The monitor's socket and the guest's keys, the state of the running guest.
_DIRECTORIES = (_LOG, "/var/lib/libvirt/qemu", "/run/libvirt/qemu")


_DEFINITIONS = "/etc/libvirt/qemu"


_LITTLE_BYTES = 1 << 20


@fact(
    hypervisors=QEMU,
    needs=("vm.domain_type", "destination.mounts.mounts"),
    reads=("options.offline", "options.persistent"),
    offline=True,
    grouping=Grouping(room=True),
)
def directories(case: Case) -> Result:
    """Look at the mounts that hold libvirt's directories for logs, state and definitions.

    Those are /var/log/libvirt/qemu, /var/lib/libvirt/qemu and /run/libvirt/qemu, with --persistent
    /etc/libvirt/qemu too, and offline that alone. One that is mounted read-only is NO, one with
    less than 1 MiB available PROBABLY_NO (root may have a reserve), else YES. A log may be empty:
    full is PROBABLY_YES, REDUCED, for it. Where no mount is known that holds them it is NO_IDEA. A
    session driver writes below the user's home, which is not asked.

    Source: mountinfo; statvfs(3); libvirt's system driver for QEMU.
    """
    if runs_in_session(case):
        return not_applicable("does not apply: a session driver writes below the user's home")
    options = case.options
    paths = [*(() if options.offline else _DIRECTORIES)]
    paths += [_DEFINITIONS] if options.persistent or options.offline else []
    return joined({path: _directory(path, case) for path in paths})


def _directory(path: str, case: Case) -> Result:
    mount = destination_mount(path, case)
    if mount is None:
        return no_idea("no mount is known that holds it", missing=["destination.mounts.mounts"])
    if mount.read_only:
        remedy = provide_storage(f"Mount {mount.mount_point} writable on the destination", path)
        return no(f"{mount.mount_point} is mounted read-only", remedies=[remedy])
    if mount.HasField("available_bytes") and mount.available_bytes < _LITTLE_BYTES:
        remedy = provide_storage(f"Free space on {mount.mount_point} of the destination", path)
        left = f"{mount.mount_point} has {mount.available_bytes} bytes left"
        if path == _LOG:
            return probably_yes(f"{left}: QEMU's words are lost", quality=QUALITY_REDUCED)
        return probably_no(
            left,
            # libvirt runs as root, for whom ext4 and others keep a reserve.
            probability=0.3,
            remedies=[remedy],
        )
    return yes(f"{mount.mount_point} is writable")
