"""What stands behind a path on a host, from the description of the VM or from the snapshot."""

from collections.abc import Mapping

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.storage_pb2 import BlockDevice, Mount, Mounts
from vmfit.v1.vm_pb2 import BlockIdentity, HostPath, PathFilesystem
from vmfit_comparator.evaluation.remembered import remembered

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


def mount_above(path: str, mounts: Mounts) -> Mount | None:
    """Return the mount that holds a path; of several at one point the last, which is on top."""
    if path and not path.startswith("/"):
        return None
    by_point = _by_point(mounts)
    while path and path not in by_point:
        path = path.rpartition("/")[0]
    return by_point.get(path)


@remembered
def _by_point(mounts: Mounts) -> Mapping[str, Mount]:
    """Return the mounts by the directory that they hold; the root is an empty text."""
    return {each.mount_point.rstrip("/"): each for each in mounts.mounts}


def filesystem_below(path: HostPath, snapshot: Snapshot) -> PathFilesystem | None:
    """Return the file system that holds a file: as described, else by the snapshot's mounts."""
    if path.HasField("filesystem"):
        return path.filesystem
    if not path.path or not snapshot.HasField("mounts"):
        return None
    mount = mount_above(path.real_path or path.path, snapshot.mounts)
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
    if mount.HasField("available_bytes"):
        found.available_bytes = mount.available_bytes
    return found


def block_device(path: str, snapshot: Snapshot) -> BlockDevice | None:
    """Return the block device of the snapshot that has this path."""
    for each in snapshot.block_devices.devices:
        if path in each.paths or path == f"/dev/{each.name}":
            return each
    return None


@remembered
def block_identity(path: HostPath, snapshot: Snapshot) -> BlockIdentity | None:
    """Return what identifies the block device at a path: as described, else by the snapshot."""
    if path.HasField("block"):
        return path.block
    device = block_device(path.path, snapshot)
    if device is None and path.real_path:
        device = block_device(path.real_path, snapshot)
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


def path_exists(path: HostPath, snapshot: Snapshot) -> bool | None:
    """Tell whether a path exists there; None when nobody looked and nothing else tells.

    Where the describing host did not look, udev's names and the volumes of active pools count.
    """
    if path.HasField("exists"):
        return path.exists
    if not path.path:
        return None
    if path.path.startswith("/dev/") and snapshot.block_devices.devices:
        return block_device(path.path, snapshot) is not None
    for pool in snapshot.libvirt_objects.storage_pools:
        if any(volume.path == path.path for volume in pool.volumes):
            return True
    return None
