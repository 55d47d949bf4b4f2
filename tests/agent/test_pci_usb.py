"""PCI and USB devices of recorded hosts."""

import pytest

from tests.agent.device_tree import make_host
from vmfit_agent.collectors import pci, usb

GPU = "sys/bus/pci/devices/0000:3b:00.0"


def test_a_device_with_all_it_can_have(tmp_path):
    host = make_host(
        tmp_path,
        {
            f"{GPU}/vendor": "0x10DE\n",
            f"{GPU}/device": "0x1eb8\n",
            f"{GPU}/subsystem_vendor": "0x10de\n",
            f"{GPU}/subsystem_device": "0x12a2\n",
            f"{GPU}/class": "0x030200\n",
            f"{GPU}/numa_node": "1\n",
            f"{GPU}/driver": "-> ../../drivers/nvidia",
            f"{GPU}/iommu_group": "-> ../../../../kernel/iommu_groups/17",
            f"{GPU}/mdev_supported_types/nvidia-231/name": "GRID T4-2B\n",
            f"{GPU}/mdev_supported_types/nvidia-231/device_api": "vfio-pci\n",
            f"{GPU}/mdev_supported_types/nvidia-231/available_instances": "8\n",
            f"{GPU}/mdev_supported_types/nvidia-230/device_api": "vfio-pci\n",
        },
    )
    (device,) = pci.collect(host).devices
    assert (device.vendor_id, device.device_id) == ("10de", "1eb8")
    assert (device.subsystem_vendor_id, device.subsystem_device_id) == ("10de", "12a2")
    assert device.class_code == "030200"
    assert (device.driver, device.iommu_group, device.numa_node) == ("nvidia", 17, 1)
    assert [each.type_id for each in device.mdev_types] == ["nvidia-230", "nvidia-231"]
    assert (device.mdev_types[1].name, device.mdev_types[1].available_count) == ("GRID T4-2B", 8)
    assert not device.mdev_types[0].HasField("name")


def test_a_virtual_function_and_what_is_not_known(tmp_path):
    address = "sys/bus/pci/devices/10000:01:00.1"
    files = {f"{address}/vendor": "0x8086", f"{address}/numa_node": "-1\n"}
    host = make_host(tmp_path, {**files, f"{address}/physfn": "-> ../10000:01:00.0"})
    (device,) = pci.collect(host).devices
    assert device.physical_function == "10000:01:00.0"
    for field in ("driver", "iommu_group", "numa_node", "subsystem_vendor_id"):
        assert not device.HasField(field)


def test_node_and_group_zero_are_known(tmp_path):
    files = {f"{GPU}/numa_node": "0\n", f"{GPU}/iommu_group": "-> ../../groups/0"}
    (device,) = pci.collect(make_host(tmp_path, files)).devices
    assert device.HasField("numa_node")
    assert device.HasField("iommu_group")


@pytest.mark.parametrize("part", [pci, usb])
def test_a_host_without_such_a_bus_has_an_empty_part(tmp_path, part):
    assert not part.collect(make_host(tmp_path, {})).devices


def test_usb_devices_without_their_interfaces(tmp_path):
    base = "sys/bus/usb/devices"
    host = make_host(
        tmp_path,
        {
            f"{base}/usb2/busnum": "2\n",
            f"{base}/usb2/devnum": "1\n",
            f"{base}/usb2/idVendor": "1d6b\n",
            f"{base}/10-1.2/busnum": "10\n",
            f"{base}/10-1.2/devnum": "3\n",
            f"{base}/10-1.2/idVendor": "0A5C\n",
            f"{base}/10-1.2/idProduct": "21e8\n",
            f"{base}/10-1.2/serial": "A B\n",
            f"{base}/10-1.2/product": "\n",
            f"{base}/10-1.2:1.0/bInterfaceNumber": "00\n",
        },
    )
    hub, device = usb.collect(host).devices
    assert (hub.port_path, hub.bus_number, hub.device_number) == ("usb2", 2, 1)
    assert (device.port_path, device.bus_number, device.device_number) == ("10-1.2", 10, 3)
    assert (device.vendor_id, device.product_id, device.serial) == ("0a5c", "21e8", "A B")
    assert not device.HasField("product")
