"""What the collectors' globs record is all that the collectors read."""

import pytest

from tests.agent.device_tree import block_device, make_host
from vmfit_agent.collectors import COLLECTORS
from vmfit_agent.host import Host
from vmfit_agent.recording.host_recording import read_host

PCI = "sys/devices/pci0000:00/0000:3b:00.0"
SESSION = "platform/host9/session4"
UNIT = f"sys/devices/{SESSION}/target9:0:0/9:0:0:7"
NET = "sys/class/net"

DISKS = {
    **block_device(
        "sdb",
        f"{SESSION}/target9:0:0/9:0:0:7/block/sdb",
        {"dev": "8:16", "device": "-> ../../../9:0:0:7", "queue/rotational": "1", "ro": "1"},
        "S:disk/by-id/wwn-0x1\nE:ID_WWN=0x1\nE:ID_BUS=scsi\n",
    ),
    **block_device(
        "dm-0",
        "virtual/block/dm-0",
        {"dev": "253:0", "dm/name": "vg-lv", "dm/uuid": "LVM-x", "slaves/sdb": "-> ../../sdb"},
        "E:ID_FS_UUID=u-1\n",
    ),
    **block_device("md0", "virtual/block/md0", {"dev": "9:0", "md/level": "raid1"}),
    f"{UNIT}/vendor": "LIO-ORG",
    f"{UNIT}/model": "x",
    f"{UNIT}/wwid": "naa.6001405000000000",
    "sys/dev/block/253:0": "-> ../../devices/virtual/block/dm-0",
    "proc/self/mountinfo": "25 1 253:0 / / rw - ext4 /dev/mapper/vg-lv rw\n",
}
INITIATOR = {
    "etc/iscsi/initiatorname.iscsi": "InitiatorName=iqn.2026-01.org.example:h\n",
    f"sys/devices/{SESSION}/iscsi_session/session4/targetname": "iqn.2026-01.org.example:t\n",
    f"sys/devices/{SESSION}/iscsi_session/session4/state": "LOGGED_IN\n",
    f"sys/devices/{SESSION}/iscsi_session/session4/device": "-> ../../../session4",
    "sys/class/iscsi_session/session4": f"-> ../../devices/{SESSION}/iscsi_session/session4",
    "sys/class/iscsi_connection/connection4:0/persistent_address": "192.0.2.1",
    "sys/class/iscsi_connection/connection4:0/persistent_port": "3260",
    "etc/iscsi/nodes/iqn.t/192.0.2.1,3260,1/default": "node.startup = automatic\n",
    "var/lib/iscsi/nodes/iqn.u/192.0.2.1,3260": "node.startup = manual\n",
}
BUSES = {
    f"{PCI}/vendor": "0x15b3",
    f"{PCI}/device": "0x1017",
    f"{PCI}/class": "0x020000",
    f"{PCI}/numa_node": "1",
    f"{PCI}/driver": "-> ../../../bus/pci/drivers/mlx5_core",
    f"{PCI}/iommu_group": "-> ../../../kernel/iommu_groups/4",
    f"{PCI}/sriov_totalvfs": "8",
    f"{PCI}/sriov_numvfs": "1",
    f"{PCI}/virtfn0": "-> ../0000:3b:00.1",
    f"{PCI}/mdev_supported_types/t-1/device_api": "vfio-pci",
    "sys/devices/pci0000:00/0000:3b:00.1/vendor": "0x15b3",
    "sys/devices/pci0000:00/0000:3b:00.1/physfn": "-> ../0000:3b:00.0",
    "sys/bus/pci/drivers/mlx5_core/uevent": "",
    "sys/kernel/iommu_groups/4/type": "DMA",
    "sys/bus/pci/devices/0000:3b:00.0": "-> ../../../devices/pci0000:00/0000:3b:00.0",
    "sys/bus/pci/devices/0000:3b:00.1": "-> ../../../devices/pci0000:00/0000:3b:00.1",
    "sys/bus/usb/devices/1-1/idVendor": "0a5c",
    "sys/bus/usb/devices/1-1/busnum": "1",
}
INTERFACES = {
    f"{NET}/eth0": "-> ../../devices/pci0000:00/0000:3b:00.0/net/eth0",
    f"{PCI}/net/eth0/device": "-> ../../../0000:3b:00.0",
    f"{PCI}/net/eth0/mtu": "1500",
    f"{PCI}/net/eth0/master": "-> ../../../../virtual/net/br0",
    f"{NET}/br0": "-> ../../devices/virtual/net/br0",
    "sys/devices/virtual/net/br0/mtu": "1500",
    "sys/devices/virtual/net/br0/bridge/stp_state": "0",
    "sys/devices/virtual/net/br0/brif/eth0": "-> ../../eth0",
    "sys/devices/virtual/net/br0/flags": "0x1003",
    "proc/net/tcp": "header\n 0: 00000000:C000 00000000:0000 0A 0\n",
    "proc/net/vlan/config": "eth0.5 | 5 | eth0\n",
}


@pytest.mark.parametrize("name", ["block_devices", "mounts", "iscsi", "network", "pci", "usb"])
def test_a_recording_collects_to_the_same_part(tmp_path, name):
    host = make_host(tmp_path / "host", DISKS | INITIATOR | BUSES | INTERFACES)
    collector = COLLECTORS[name]
    expected = collector.collect(host)
    recording = read_host(host.root, collector.files)
    (tmp_path / "recording").mkdir()
    recording.write(tmp_path / "recording", None)
    again = Host(tmp_path / "recording")
    assert expected.ByteSize()
    assert collector.collect(again) == expected
    assert again.warnings == host.warnings
