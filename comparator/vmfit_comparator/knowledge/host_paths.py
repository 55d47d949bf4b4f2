"""What stands behind a path on a host, from the description of the VM or from the snapshot."""

from collections.abc import Callable, Mapping

from vmfit.v1.storage_pb2 import BlockDevice, BlockDevices, Mount, Mounts
from vmfit.v1.vm_pb2 import BlockIdentity, HostPath, PathFilesystem
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.evaluation.reads import by_equality, reads

# File systems that one kernel alone may mount writable; what lies on them is that host's own.
LOCAL_TYPES = (
    *("ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "f2fs", "jfs", "reiserfs", "nilfs2"),
    *("zfs", "ufs", "vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "tmpfs", "ramfs", "rootfs"),
    *("overlay", "aufs", "devtmpfs", "hugetlbfs", "squashfs", "iso9660", "erofs"),
)


def filesystem_family(type_name: str) -> str:
    """Return the type without its variants: "nfs" for nfs4, "cifs" for smb3."""
    if type_name.startswith("nfs"):
        return "nfs"
    if type_name in ("smb", "smb2", "smb3", "smbfs"):
        return "cifs"
    if type_name in ("ceph", "fuse.ceph", "fuse.ceph-fuse"):
        return "ceph"
    return type_name


def source_mount(path: str, case: Case) -> Mount | None:
    """Return the source's mount that holds a path; of several at one point the last, on top."""
    return _above(path, _source_mounts(case))


def destination_mount(path: str, case: Case) -> Mount | None:
    """Return the destination's mount that holds a path; of several at one point the last."""
    return _above(path, _destination_mounts(case))


@reads("source.mounts.mounts")
@once
def _source_mounts(case: Case) -> Mapping[str, Mount]:
    return _by_point(case.source.mounts)


@reads("destination.mounts.mounts")
@once
def _destination_mounts(case: Case) -> Mapping[str, Mount]:
    return _by_point(case.destination.mounts)


def _by_point(mounts: Mounts) -> Mapping[str, Mount]:
    """Return the mounts by the directory that they hold; the root is an empty text."""
    return {each.mount_point.rstrip("/"): each for each in mounts.mounts}


def _above(path: str, by_point: Mapping[str, Mount]) -> Mount | None:
    if path and not path.startswith("/"):
        return None
    while path and path not in by_point:
        path = path.rpartition("/")[0]
    return by_point.get(path)


def source_filesystem(path: HostPath, case: Case) -> PathFilesystem | None:
    """Return the file system that holds a file of the source's: as described, else by mounts."""
    return _filesystem(path, source_mount, case)


def destination_filesystem(path: HostPath, case: Case) -> PathFilesystem | None:
    """Return the file system that holds a file of the destination's: described, else by mounts."""
    return _filesystem(path, destination_mount, case)


def _filesystem(
    path: HostPath, mount_above: Callable[[str, Case], Mount | None], case: Case
) -> PathFilesystem | None:
    if path.HasField("filesystem"):
        return path.filesystem
    mount = mount_above(path.real_path or path.path, case) if path.path else None
    if mount is None:
        return None
    found = PathFilesystem(
        type=mount.type,
        source=mount.source,
        mount_point=mount.mount_point,
        root=mount.root,
        shared=mount.shared,
        read_only=mount.read_only,
    )
    if mount.HasField("filesystem_uuid"):
        found.uuid = mount.filesystem_uuid
    if mount.HasField("fsid"):
        found.fsid = mount.fsid
    if mount.HasField("available_inode_count"):
        found.available_inode_count = mount.available_inode_count
    if mount.HasField("available_bytes"):
        found.available_bytes = mount.available_bytes
    return found


def source_device(path: str, case: Case) -> BlockDevice | None:
    """Return the source's block device that has this path."""
    return _source_devices(case).get(path)


@by_equality("destination.block_devices.devices.paths")
def destination_device(path: str, case: Case) -> BlockDevice | None:
    """Return the destination's block device that has this path."""
    return _destination_devices(case).get(path)


@reads("source.block_devices.devices")
@once
def _source_devices(case: Case) -> Mapping[str, BlockDevice]:
    return _by_path(case.source.block_devices)


@reads("destination.block_devices.devices")
@once
def _destination_devices(case: Case) -> Mapping[str, BlockDevice]:
    return _by_path(case.destination.block_devices)


def _by_path(devices: BlockDevices) -> Mapping[str, BlockDevice]:
    found: dict[str, BlockDevice] = {}
    for each in devices.devices:
        for path in (f"/dev/{each.name}", *each.paths):
            found.setdefault(path, each)
    return found


def source_block(path: HostPath, case: Case) -> BlockIdentity | None:
    """Return what identifies a block device of the source's: as described, else by the snapshot."""
    if path.HasField("block"):
        return path.block
    return _source_identity(path.path, path.real_path, case)


def destination_block(path: HostPath, case: Case) -> BlockIdentity | None:
    """Return what identifies a block device of the destination's: described, or by the snapshot."""
    if path.HasField("block"):
        return path.block
    return _destination_identity(path.path, path.real_path, case)


@once
def _source_identity(path: str, real_path: str, case: Case) -> BlockIdentity | None:
    return _identity(source_device(path, case) or source_device(real_path, case))


@once
def _destination_identity(path: str, real_path: str, case: Case) -> BlockIdentity | None:
    return _identity(destination_device(path, case) or destination_device(real_path, case))


def _identity(device: BlockDevice | None) -> BlockIdentity | None:
    if device is None:
        return None
    identity = BlockIdentity(name=device.name)
    for field in _SAME_NAMES:
        value = getattr(device, field)
        if value:
            setattr(identity, field, value)
    if device.HasField("iscsi"):
        identity.iscsi_target_name = device.iscsi.target_name
        identity.iscsi_lun = device.iscsi.lun
    if device.device_mapper.HasField("multipath_wwid"):
        identity.multipath_wwid = device.device_mapper.multipath_wwid
    return identity


_SAME_NAMES = (
    "vendor",
    "model",
    "serial",
    "wwn",
    "bus",
    "transport",
    "dm_uuid",
    "filesystem_uuid",
    "partition_uuid",
    "nvme_nguid",
)


@reads("destination.libvirt_objects.storage_pools")
def path_exists(path: HostPath, case: Case) -> bool | None:
    """Tell whether a path exists on the destination; None when nobody looked and nothing tells.

    Where the describing host did not look, udev's names and the volumes of active pools count.
    """
    if path.HasField("exists"):
        return path.exists
    if not path.path:
        return None
    if path.path.startswith("/dev/") and _destination_devices(case):
        return destination_device(path.path, case) is not None
    for pool in case.destination.libvirt_objects.storage_pools:
        if any(volume.path == path.path for volume in pool.volumes):
            return True
    return None
