"""PCI devices, from sysfs."""

from vmfit.v1.devices_pb2 import MdevType, Pci, PciDevice
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.sysfs import entry_names, exists, link_name, read_count, read_text

_DEVICES = "sys/bus/pci/devices"
_ATTRIBUTES = (
    "vendor",
    "device",
    "subsystem_vendor",
    "subsystem_device",
    "class",
    "driver",
    "iommu_group",
    "numa_node",
    "physfn",
    "mdev_supported_types/*/name",
    "mdev_supported_types/*/device_api",
    "mdev_supported_types/*/available_instances",
)
FILES = tuple(f"{_DEVICES}/*/{attribute}" for attribute in _ATTRIBUTES)


def collect(host: Host) -> Pci:
    """Return the devices by ascending address; none on a host without PCI.

    Identifiers are lower-case hexadecimal without 0x. `numa_node` is absent when the firmware
    tells none, `iommu_group` when no IOMMU is in use.
    Source: Documentation/ABI/testing/sysfs-bus-pci, sysfs-bus-vfio-mdev.
    """
    base = f"{host.root}/{_DEVICES}"
    return Pci(devices=[_device(f"{base}/{address}", address) for address in entry_names(base)])


def _device(path: str, address: str) -> PciDevice:
    group = link_name(f"{path}/iommu_group")
    return PciDevice(
        address=address,
        vendor_id=_hexadecimal(f"{path}/vendor", 4) or "",
        device_id=_hexadecimal(f"{path}/device", 4) or "",
        subsystem_vendor_id=_hexadecimal(f"{path}/subsystem_vendor", 4),
        subsystem_device_id=_hexadecimal(f"{path}/subsystem_device", 4),
        class_code=_hexadecimal(f"{path}/class", 6) or "",
        driver=link_name(f"{path}/driver"),
        iommu_group=int(group) if group is not None and group.isdecimal() else None,
        numa_node=read_count(f"{path}/numa_node"),
        physical_function=link_name(f"{path}/physfn"),
        mdev_types=_mdev_types(f"{path}/mdev_supported_types"),
    )


def _mdev_types(path: str) -> list[MdevType]:
    if not exists(path):
        return []
    return [
        MdevType(
            type_id=type_id,
            name=read_text(f"{path}/{type_id}/name"),
            device_api=read_text(f"{path}/{type_id}/device_api") or "",
            available_count=read_count(f"{path}/{type_id}/available_instances") or 0,
        )
        for type_id in entry_names(path)
    ]


def _hexadecimal(path: str, digits: int) -> str | None:
    text = read_text(path)
    return text.lower().removeprefix("0x").zfill(digits) if text is not None else None
