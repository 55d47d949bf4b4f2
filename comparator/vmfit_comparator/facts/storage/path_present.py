"""Is every disk that is not copied there on the destination?"""

import shlex

from vmfit.v1.finding_pb2 import Quality, Remedy
from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.disk_kinds import data_files, disks_in_place
from vmfit_comparator.knowledge.disks import DROPPED_WHEN_MISSING, DiskPair, copying
from vmfit_comparator.knowledge.host_paths import (
    destination_device,
    destination_filesystem,
    destination_mount,
    filesystem_family,
    path_exists,
    source_block,
    source_filesystem,
)
from vmfit_comparator.knowledge.iscsi_targets import attachable

_KINDS = {"file": ("file",), "block": ("block",), "dir": ("directory",)}


@fact(each=(disks_in_place, data_files))
def path_present(pair: DiskPair, case: Case) -> Result | None:
    """Ask whether the destination can open each disk's file, device or directory.

    Missing is NO, except that libvirt empties a CD-ROM or floppy drive whose startupPolicy is
    optional or requisite (YES, REDUCED), and that a LUN of a target that the destination knows can
    be logged in to (PROBABLY_YES). A path of the wrong kind, or a writable disk that is a read-only
    device or lies on a read-only mount, is NO. Where nobody looked, mounts, udev's names and
    volumes tell, else NO_IDEA. The file that holds a qcow2 image's data counts as the disk does.

    Source: stat(2) and /sys/class/block/*/ro on the destination; libvirt's formatdomain,
    startupPolicy.
    """
    source = pair.there.source
    return None if source.protocol or source.type == "nvme" else _presence(pair, case)


def _presence(pair: DiskPair, case: Case) -> Result:
    disk, path = pair.there, pair.there.source.path
    if not path.path:
        return yes("judged by its pool")
    exists = path_exists(path, case)
    if exists is None:
        return _inferred(pair, case)
    if not exists:
        return _missing(pair, case)
    wanted = _KINDS.get(disk.source.type)
    if wanted and path.kind and path.kind not in wanted:
        summary = f"Make {path.path} a {wanted[0]} on the destination"
        text = f"{path.path} is a {path.kind} on the destination, not a {wanted[0]}"
        return no(text, remedies=[provide_storage(summary, path.path)])
    if path.error:
        remedy = provide_storage(f"Make {path.path} readable on the destination", path.path)
        text = f"{path.path} on the destination: {path.error}"
        return probably_no(text, probability=0.3, remedies=[remedy])
    below = destination_filesystem(path, case)
    if below is not None and below.read_only and path.kind != "block" and not pair.is_read_only:
        mount_point = below.mount_point
        remedy = provide_storage(
            f"Mount {mount_point} writable on the destination",
            mount_point,
            command=f"mount -o remount,rw {shlex.quote(mount_point)}",
        )
        return no(f"{mount_point} is mounted read-only on the destination", remedies=[remedy])
    if path.kind == "block" and not pair.is_read_only:
        return _writable_device(path, case)
    return yes(f"{path.path} is there")


def _writable_device(path: HostPath, case: Case) -> Result:
    device = destination_device(path.real_path or path.path, case)
    if device is None or not device.read_only:
        return yes(f"{path.path} is there")
    remedy = provide_storage(
        f"Make {path.path} writable on the destination",
        path.path,
        command=f"blockdev --setrw {shlex.quote(path.path)}",
    )
    return no(f"{path.path} is a read-only device on the destination", remedies=[remedy])


def _missing(pair: DiskPair, case: Case) -> Result:
    disk, path = pair.there, pair.there.source.path
    gone = f"{path.path} does not exist on the destination"
    if disk.startup_policy in DROPPED_WHEN_MISSING:
        if disk.device in ("cdrom", "floppy"):
            return yes(
                f"{gone}: the drive comes out empty (startupPolicy={disk.startup_policy})",
                quality=Quality.QUALITY_REDUCED,
            )
        return no(f"{gone}: libvirt would drop the disk, and the guest's state would not fit")
    identity = source_block(pair.here.source.path, case)
    if identity is not None and identity.iscsi_target_name:
        return attachable(identity, gone, case)
    return no(gone, remedies=_remedies(pair, case))


def _remedies(pair: DiskPair, case: Case) -> list[Remedy]:
    path = pair.there.source.path.path
    below = source_filesystem(pair.here.source.path, case)
    found = []
    if below is not None and below.shared:
        mounted = destination_mount(path, case)
        if mounted is None or mounted.mount_point != below.mount_point:
            summary = f"Mount {below.source} at {below.mount_point} on the destination"
            return [provide_storage(summary, below.mount_point, below.source)]
    found.append(provide_storage(f"Provide {path} on the destination", path))
    if not pair.is_read_only:
        found += copying(pair.there, case)
    elif pair.there.device in ("cdrom", "floppy"):
        summary = f"Eject the medium of {pair.there.target}"
        found.append(change_definition(summary, "disk/source", ""))
    return found


def _inferred(pair: DiskPair, case: Case) -> Result:
    """Judge a path that nobody looked at by the mount that it should lie on."""
    path = pair.there.source.path
    below = source_filesystem(pair.here.source.path, case)
    why = path.error or "the destination did not look"
    unknown = no_idea(
        f"whether {path.path} exists on the destination is not known: {why}",
        missing=["incoming.disks.source.path.exists"],
    )
    if below is None or not case.destination.HasField("mounts"):
        return unknown
    mount = destination_mount(path.path, case)
    if mount is None:
        return unknown
    family = filesystem_family(below.type)
    if filesystem_family(mount.type) == family and mount.source == below.source and below.shared:
        return probably_yes(f"{below.source} is mounted at {mount.mount_point} there as well")
    if below.shared and path.path.startswith(below.mount_point.rstrip("/") + "/"):
        return probably_no(
            f"{below.source}, which holds {path.path}, is not mounted on the destination: "
            f"there is {mount.type} {mount.source} at {mount.mount_point}",
            remedies=[
                provide_storage(
                    f"Mount {below.source} at {below.mount_point} on the destination",
                    below.mount_point,
                    below.source,
                )
            ],
        )
    return unknown
