"""Block devices, and what identifies them on any host."""

import re
from collections.abc import Iterator

from vmfit.v1.storage_pb2 import BlockDevice, BlockDevices, DeviceMapper
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.sysfs import entry_names, exists, read_count, read_text
from vmfit_agent.storage.block_identity import model, nvme_identifier, serial, vendor, wwn
from vmfit_agent.storage.block_transport import bus, device_path, iscsi_lun, transport
from vmfit_agent.storage.udev import BlockDatabase, Properties, block_database

_ATTRIBUTES = (
    "dev",
    "hidden",
    "nguid",
    "partition",
    "removable",
    "ro",
    "serial",
    "size",
    "uevent",
    "wwid",
    "device/model",
    "device/serial",
    "device/type",
    "device/vendor",
    "device/wwid",
    "dm/name",
    "dm/suspended",
    "dm/uuid",
    "holders/*",
    "loop/backing_file",
    "md/level",
    "queue/logical_block_size",
    "queue/physical_block_size",
    "queue/rotational",
    "slaves/*",
)
FILES = (
    "run/udev/data/b*",
    "sys/class/iscsi_session/*/targetname",
    *(f"sys/class/block/*/{attribute}" for attribute in _ATTRIBUTES),
)
_SECTOR_BYTES = 512
_MAXIMUM_SECTORS = 2**64 // _SECTOR_BYTES
_SCSI_TYPE_CDROM = "5"
_DM_TYPES = {"LVM": "lvm", "CRYPT": "crypt", "mpath": "mpath"}
_DM_PARTITION = re.compile(r"part\d+$")


def read_block_devices(host: Host) -> BlockDevices:
    """Return disks, partitions, device-mapper, md and attached loop devices, sorted by name.

    Empty where there are none. A partition carries what identifies its disk. Without udev's
    database (in containers) file system UUIDs and links are absent.
    Raises OSError when a live host has no sysfs.
    Source: Documentation/ABI/stable/sysfs-block, udev(7).
    """
    devices = [
        device
        for directory, properties in block_database(host).devices()
        if (device := describe_block_device(str(host.root), directory, properties)) is not None
    ]
    return BlockDevices(devices=sorted(devices, key=lambda device: device.name))


def find_block_device(database: BlockDatabase, root: str, name: str) -> BlockDevice | None:
    """Return the device of that kernel name as all are read; None without one."""
    found = database.device(name)
    return describe_block_device(root, *found) if found is not None else None


def describe_block_device(root: str, directory: str, properties: Properties) -> BlockDevice | None:
    """Return the device at a sysfs directory; None for one that the part leaves out.

    Left out are RAM disks, unattached loop and network block devices, and the hidden paths of a
    multipath NVMe namespace.
    """
    name = directory.rpartition("/")[2].replace("!", "/")
    size = read_count(f"{directory}/size", _MAXIMUM_SECTORS) or 0
    mapper = _device_mapper(directory, properties)
    backing = read_text(f"{directory}/loop/backing_file")
    if _left_out(name, directory, size, mapper, backing):
        return None
    disk = directory.rpartition("/")[0] if exists(f"{directory}/partition") else directory
    device = BlockDevice(
        name=name,
        type=_type(name, directory, disk, mapper),
        paths=[f"/dev/{name}", *_links(name, mapper, properties)],
        size_bytes=size * _SECTOR_BYTES,
        read_only=read_text(f"{directory}/ro") == "1",
        holders=_kernel_names(f"{directory}/holders"),
        slaves=_kernel_names(f"{directory}/slaves"),
        device_mapper=mapper,
        device_number=read_text(f"{directory}/dev") or "",
        loop_backing_file=backing,
    )
    if mapper is not None and mapper.HasField("uuid"):
        device.dm_uuid = mapper.uuid
    if disk != directory:
        device.parent = disk.rpartition("/")[2].replace("!", "/")
    elif device.type == "partition" and len(device.slaves) == 1:
        device.parent = device.slaves[0]
    device.MergeFrom(_of_disk(root, disk, properties))
    device.MergeFrom(_of_content(properties))
    return device


def _of_disk(root: str, disk: str, properties: Properties) -> BlockDevice:
    """Return what a disk and its partitions have in common."""
    rotational = read_text(f"{disk}/queue/rotational")
    return BlockDevice(
        logical_sector_bytes=read_count(f"{disk}/queue/logical_block_size"),
        physical_sector_bytes=read_count(f"{disk}/queue/physical_block_size"),
        rotational=rotational == "1" if rotational is not None else None,
        removable=read_text(f"{disk}/removable") == "1",
        vendor=vendor(disk, properties),
        model=model(disk, properties),
        serial=serial(disk, properties),
        wwn=wwn(disk, properties),
        bus=bus(disk, properties),
        transport=transport(disk),
        id_path=properties.get("ID_PATH") or None,
        iscsi=iscsi_lun(root, disk, properties),
        nvme_nguid=nvme_identifier(disk, "nguid"),
    )


def _of_content(properties: Properties) -> BlockDevice:
    """Return what udev found written on the device."""
    return BlockDevice(
        filesystem_type=properties.get("ID_FS_TYPE") or None,
        filesystem_uuid=properties.get("ID_FS_UUID") or None,
        filesystem_label=properties.get("ID_FS_LABEL") or None,
        partition_uuid=properties.get("ID_PART_ENTRY_UUID") or None,
        partition_table_uuid=properties.get("ID_PART_TABLE_UUID") or None,
    )


def _left_out(
    name: str, directory: str, size: int, mapper: DeviceMapper | None, backing: str | None
) -> bool:
    if read_text(f"{directory}/hidden") == "1":
        return True
    if "/virtual/" not in device_path(directory) or mapper is not None:
        return False
    unattached = size == 0 or (name.startswith("loop") and backing is None)
    return unattached or name.startswith(("ram", "zram"))


def _type(name: str, directory: str, disk: str, mapper: DeviceMapper | None) -> str:
    if mapper is not None:
        kind = mapper.uuid.partition("-")[0]
        return "partition" if _DM_PARTITION.match(kind) else _DM_TYPES.get(kind, "dm")
    if disk != directory:
        return "partition"
    if exists(f"{directory}/md"):
        return "md"
    if name.startswith("loop"):
        return "loop"
    if name.startswith("dm-"):
        return "dm"
    if name.startswith("sr") and read_text(f"{directory}/device/type") in (None, _SCSI_TYPE_CDROM):
        return "rom"
    return "disk"


def _links(name: str, mapper: DeviceMapper | None, properties: Properties) -> list[str]:
    links = set(properties.get("DEVLINKS", "").split())
    if mapper is not None and mapper.name:
        links.add(f"/dev/mapper/{mapper.name}")
    return sorted(links - {f"/dev/{name}"})


def _kernel_names(path: str) -> list[str]:
    return sorted(name.replace("!", "/") for name in entry_names(path))


def _device_mapper(directory: str, properties: Properties) -> DeviceMapper | None:
    name = read_text(f"{directory}/dm/name") or properties.get("DM_NAME")
    if not name:
        return None
    uuid = read_text(f"{directory}/dm/uuid")
    mapper = DeviceMapper(
        name=name, uuid=uuid, suspended=read_text(f"{directory}/dm/suspended") == "1"
    )
    kind, _, rest = (uuid or "").partition("-")
    if kind == "mpath" and rest:
        mapper.multipath_wwid = rest
    if kind == "LVM":
        names = tuple(_lvm_names(name))
        group = properties.get("DM_VG_NAME") or (names[0] if len(names) > 1 else None)
        volume = properties.get("DM_LV_NAME") or (names[1] if len(names) > 1 else None)
        mapper.MergeFrom(DeviceMapper(volume_group=group, logical_volume=volume))
    return mapper


def _lvm_names(mapped: str) -> Iterator[str]:
    # LVM joins group, volume and layer by a hyphen, and doubles the hyphens within them.
    return (part.replace("--", "-") for part in re.split(r"(?<!-)-(?!-)", mapped))
