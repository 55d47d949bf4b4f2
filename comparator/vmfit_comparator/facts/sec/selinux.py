"""Does the destination's SELinux let QEMU open disks on file systems of other hosts?"""

from collections.abc import Iterator

from vmfit.v1.host_pb2 import Selinux
from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import Result, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.disks import opened_by_path
from vmfit_comparator.knowledge.host_paths import destination_filesystem, filesystem_family

# On these files have no labels of their own, and a boolean lets guests use them.
_BOOLEANS = {"nfs": "virt_use_nfs", "cifs": "virt_use_samba", "fuse": "virt_use_fusefs"}


@subjects("disk on a file system of another host")
def on_other_hosts(case: Case) -> Iterator[tuple[str, tuple[HostPath, str, str]]]:
    """Yield the paths of such disks, each with its file system's type and its boolean."""
    for each in opened_by_path(case):
        path = each.there.source.path
        below = destination_filesystem(path, case)
        kind = "" if below is None else below.type
        family = "fuse" if kind.startswith("fuse.") else filesystem_family(kind)
        if family in _BOOLEANS:
            yield each.there.target, (path, kind, _BOOLEANS[family])


@fact(
    each=on_other_hosts,
    needs="destination.security",
    reads=(
        *("source.security.selinux", "destination.security.selinux"),
        "incoming.security_labels",
    ),
)
def selinux(disk: tuple[HostPath, str, str], case: Case) -> Result:
    """Look up the boolean that lets guests use the file system of each disk.

    - YES: SELinux is off or permissive on the destination, or the boolean is on, or the guest has
      no label of SELinux.
    - PROBABLY_NO: SELinux enforces on the destination, and the boolean is off: QEMU is not let in,
      unless the server keeps labels (NFS 4.2). PROBABLY_YES where SELinux of the source enforces
      without the boolean, too, and the guest runs.
    - NO_IDEA: SELinux enforces, and the boolean is not known.

    Source: libvirt's SELinux driver; virtd_selinux(8): virt_use_nfs, virt_use_samba.
    """
    path, kind, name = disk
    there = case.destination.security.selinux
    if not there.enforcing:
        return yes("SELinux does not enforce on the destination")
    if any(
        each.model == "selinux" and each.type == "none" for each in case.incoming.security_labels
    ):
        return yes("the guest has no label of SELinux")
    return _by_boolean(name, f"{path.path} on {kind}", there, case)


def _by_boolean(name: str, what: str, there: Selinux, case: Case) -> Result:
    if name not in there.booleans:
        return no_idea(
            f"whether the destination's SELinux lets guests use {what} is not known ({name})",
            missing=["destination.security.selinux.booleans"],
        )
    if there.booleans[name]:
        return yes(f"{name} is on: SELinux on the destination lets guests use {what}")
    text = f"SELinux enforces on the destination, and {name} is off: {what}"
    here = case.source.security.selinux
    if here.enforcing and name in here.booleans and not here.booleans[name]:
        return probably_yes(f"{text}, as on the source", probability=0.85)
    remedy = change_definition(
        f"setsebool -P {name} on, on the destination", f"selinux/{name}", "on"
    )
    return probably_no(f"{text} is not let in", probability=0.15, remedies=[remedy])
