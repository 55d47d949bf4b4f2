"""USB devices, from sysfs."""

import re

from vmfit.v1.devices_pb2 import Usb, UsbDevice
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.sysfs import entry_names, read_count, read_text

_DEVICES = "sys/bus/usb/devices"
_ATTRIBUTES = ("busnum", "devnum", "idVendor", "idProduct", "serial", "manufacturer", "product")
FILES = tuple(f"{_DEVICES}/*/{attribute}" for attribute in _ATTRIBUTES)
# "usb1" is a bus's root hub, "1-1.2" a device; "1-1.2:1.0" is an interface of it.
_DEVICE = re.compile(r"(?:usb)?(\d+)(?:-\d+(?:\.\d+)*)?")


def collect(host: Host) -> Usb:
    """Return the devices by ascending bus and device number; none on a host without USB.

    Identifiers are four lower-case hexadecimal digits; texts are absent when the device has none.
    Source: Documentation/ABI/stable/sysfs-bus-usb.
    """
    base = f"{host.root}/{_DEVICES}"
    devices = [
        _device(f"{base}/{name}", name, int(match[1]))
        for name in entry_names(base)
        if (match := _DEVICE.fullmatch(name)) is not None
    ]
    devices.sort(key=lambda device: (device.bus_number, device.device_number))
    return Usb(devices=devices)


def _device(path: str, name: str, bus_of_name: int) -> UsbDevice:
    return UsbDevice(
        port_path=name,
        bus_number=read_count(f"{path}/busnum") or bus_of_name,
        device_number=read_count(f"{path}/devnum") or 0,
        vendor_id=(read_text(f"{path}/idVendor") or "").lower(),
        product_id=(read_text(f"{path}/idProduct") or "").lower(),
        serial=read_text(f"{path}/serial"),
        manufacturer=read_text(f"{path}/manufacturer"),
        product=read_text(f"{path}/product"),
    )
