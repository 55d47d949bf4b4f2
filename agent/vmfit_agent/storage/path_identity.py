"""What identifies the block device that a path is."""

from typing import Literal, get_args

from vmfit.v1.storage_pb2 import BlockDevice
from vmfit.v1.vm_pb2 import BlockIdentity, HostPath

_IdentityField = Literal[
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
]
# Fields that mean the same in BlockDevice and in BlockIdentity.
_IDENTITY_FIELDS: tuple[_IdentityField, ...] = get_args(_IdentityField)


def block_identity(device: BlockDevice) -> BlockIdentity:
    """Return what identifies a block device on any host."""
    same = {name: getattr(device, name) for name in _IDENTITY_FIELDS if device.HasField(name)}
    identity = BlockIdentity(name=device.name, **same)
    if device.HasField("iscsi"):
        identity.iscsi_target_name = device.iscsi.target_name
        identity.iscsi_lun = device.iscsi.lun
    if device.device_mapper.HasField("multipath_wwid"):
        identity.multipath_wwid = device.device_mapper.multipath_wwid
    return identity


def of_device(device: BlockDevice | None) -> HostPath:
    """Return kind, size and identity of a device; nothing for one that is not known."""
    if device is None:
        return HostPath()
    return HostPath(kind="block", size_bytes=device.size_bytes, block=block_identity(device))
