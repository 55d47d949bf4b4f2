"""Block devices, and what identifies them on any host."""

from vmfit.v1.storage_pb2 import BlockDevices
from vmfit_agent.host import Host
from vmfit_agent.storage import block_devices

FILES = block_devices.FILES


def collect(host: Host) -> BlockDevices:
    """Return disks, partitions, device-mapper, md and attached loop devices, sorted by name.

    Raises OSError when a live host has no sysfs.
    Source: as of storage/block_devices.py.
    """
    return block_devices.read_block_devices(host)
