"""Devices of the host that the guest has for itself."""

from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import HostDevice
from vmfit_agent.xml_document import attribute, number, pci_address


def read_host_devices(domain: Element) -> list[HostDevice]:
    """Return <hostdev> in the XML's order; interfaces of type hostdev are NICs."""
    return [_host_device(element) for element in domain.iterfind("devices/hostdev")]


def _host_device(element: Element) -> HostDevice:
    kind = element.get("type") or ""
    source = element.find("source")
    address = source.find("address") if source is not None else None
    device = HostDevice(
        type=kind,
        mode=element.get("mode") or "subsystem",
        managed=element.get("managed") == "yes",
        startup_policy=attribute(source, ".", "startupPolicy"),
        teaming=attribute(element, "teaming", "type"),
        driver=attribute(element, "driver", "name"),
    )
    if kind == "pci":
        place = pci_address(address)
        if place:
            device.pci_address = place
    elif kind == "usb":
        _read_usb(device, source)
    elif kind == "mdev":
        device.mdev_uuid = (attribute(address, ".", "uuid") or "").lower()
        device.mdev_model = element.get("model") or ""
    elif kind in {"scsi", "scsi_host"}:
        _read_scsi(device, source, address)
    return device


def _read_usb(device: HostDevice, source: Element | None) -> None:
    for field, tag in (("vendor_id", "vendor"), ("product_id", "product")):
        identity = number(attribute(source, tag, "id"), 0xFFFF)
        if identity is not None:
            setattr(device, field, f"{identity:04x}")
    bus = number(attribute(source, "address", "bus"))
    place = number(attribute(source, "address", "device"))
    if bus is not None:
        device.usb_bus_number = bus
    if place is not None:
        device.usb_device_number = place


def _read_scsi(device: HostDevice, source: Element | None, address: Element | None) -> None:
    # An adapter by name, by its WWPN (vhost), or an iSCSI target.
    adapter = (
        attribute(source, "adapter", "name")
        or attribute(source, ".", "wwpn")
        or attribute(source, ".", "name")
    )
    if adapter:
        device.scsi_adapter = adapter
    if address is not None:
        parts = [address.get(name) or "0" for name in ("bus", "target", "unit")]
        device.scsi_address = ":".join(parts)
