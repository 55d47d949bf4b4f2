"""How a disk is attached, from the path of its device in sysfs."""

import re

from vmfit.v1.storage_pb2 import IscsiLun
from vmfit_agent.kernel_files.sysfs import read_text
from vmfit_agent.storage.udev import Properties

# In this order: a SATA disk behind a SAS expander is a SAS disk, a SATA disk in a USB case USB.
_TRANSPORTS = (
    ("usb", re.compile(r"/usb\d+/")),
    ("ieee1394", re.compile(r"/fw\d+[./]")),
    ("iscsi", re.compile(r"/session\d+/")),
    ("fc", re.compile(r"/rport-\d+:\d+-\d+/")),
    ("sas", re.compile(r"/end_device-\d+:[\d:]+/")),
    ("sata", re.compile(r"/ata\d+/")),
    ("nvme", re.compile(r"/nvme")),
    ("virtio", re.compile(r"/virtio\d+/")),
)
_BUSES = {"sata": "ata", "iscsi": "scsi", "fc": "scsi", "sas": "scsi"}
_SESSION = re.compile(r"/(session\d+)/")
_ISCSI_ID_PATH = re.compile(r"-iscsi-(.+)-lun-")
_SCSI_ADDRESS = re.compile(r"/\d+:\d+:\d+:(\d+)/")


def device_path(disk: str) -> str:
    """Return where a disk hangs in the device tree, without the way to the (recorded) tree."""
    return "/" + disk.rpartition("/sys/devices/")[2]


def is_scsi(disk: str) -> bool:
    """Return whether the disk is a SCSI unit, be its transport what it may."""
    return _SCSI_ADDRESS.search(device_path(disk)) is not None


def transport(disk: str) -> str | None:
    """Return the field's word; "virtio" also for the disks of a virtio SCSI host."""
    path = device_path(disk)
    return next((name for name, pattern in _TRANSPORTS if pattern.search(path)), None)


def bus(disk: str, properties: Properties) -> str | None:
    """Return udev's word for the bus, also where udev does not run or leaves it out."""
    told = properties.get("ID_BUS")
    kind = transport(disk)
    if told is not None or kind is None:
        return told
    if kind == "virtio" and is_scsi(disk):
        return "scsi"
    return _BUSES.get(kind, kind)


def iscsi_lun(root: str, disk: str, properties: Properties) -> IscsiLun | None:
    """Return the target and unit behind a disk; None for other transports.

    Source: /sys/class/iscsi_session, else udev's ID_PATH; the unit is the last number of the SCSI
    address.
    """
    path = device_path(disk)
    session = _SESSION.search(path)
    address = _SCSI_ADDRESS.search(path)
    if session is None or address is None:
        return None
    target_name = read_text(f"{root}/sys/class/iscsi_session/{session[1]}/targetname")
    if target_name is None and (told := _ISCSI_ID_PATH.search(properties.get("ID_PATH", ""))):
        target_name = told[1]
    return IscsiLun(target_name=target_name, lun=int(address[1])) if target_name else None
