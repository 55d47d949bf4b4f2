"""Passed-through devices, shares, host paths behind devices, firmware and TPMs."""

import pytest

from tests.comparator.builders import answer, finding, migration, remedy_kinds
from tests.comparator.tables import case_of, cases

NEW_QEMU = {"hosts.hypervisor.connections[0].hypervisor_version": 8_002_000}
NEW = {**NEW_QEMU, "hosts.hypervisor.connections[0].libvirt_version": 10_010_000}


def hostdev(**fields):
    return {"vm.host_devices": [{"mode": "subsystem", **fields}]}


PCI = hostdev(type="pci", pciAddress="0000:3b:00.1")
VF = {"address": "0000:3b:00.1", "vendorId": "15b3", "deviceId": "101e"}
USB = hostdev(type="usb", vendorId="046d", productId="c52b")
OPTIONAL = hostdev(type="usb", vendorId="046d", productId="c52b", startupPolicy="optional")
STICK = {"vendorId": "046d", "productId": "c52b", "busNumber": 1, "deviceNumber": 4}
VARIANT = {**PCI, **NEW_QEMU, "hosts.pci.devices": [{**VF, "driver": "mlx5_vfio_pci"}]}
HOSTDEVS = [
    ("none", {}, "YES"),
    ("PCI", {**PCI, "hosts.pci.devices": [VF]}, "NO"),
    ("PCI, plain driver", {**VARIANT, "source.pci.devices": [{**VF, "driver": "vfio-pci"}]}, "NO"),
    ("PCI that migrates", VARIANT, "PROBABLY_YES"),
    ("PCI that migrates, missing there", {**VARIANT, "destination.pci.devices": []}, "NO"),
    ("PCI, not collected", {**PCI, "destination.pci": None}, "NO_IDEA"),
    (
        "teamed",
        {
            **hostdev(type="pci", pciAddress="0000:3b:00.1", teaming="transient"),
            "destination.pci.devices": [VF],
        },
        "PROBABLY_YES",
    ),
    (
        "teamed, missing there",
        hostdev(type="pci", pciAddress="0000:3b:00.1", teaming="transient"),
        "NO",
    ),
    (
        "a teamed NIC",
        {
            "vm.nics[0].pci_address": "0000:3b:00.1",
            "vm.nics[0].teaming": "transient",
            "destination.pci.devices": [VF],
        },
        "PROBABLY_YES",
    ),
    ("USB", {**USB, "destination.usb.devices": [STICK]}, "PROBABLY_YES"),
    ("USB, missing", USB, "NO"),
    (
        "USB by place",
        {
            **hostdev(type="usb", usbBusNumber=1, usbDeviceNumber=4),
            "destination.usb.devices": [STICK],
        },
        "PROBABLY_YES",
    ),
    (
        "USB, optional",
        {**OPTIONAL, "destination.usb.devices": [{"vendorId": "1d6b", "productId": "0002"}]},
        "PROBABLY_YES",
    ),
    ("USB, optional, no bus to look at", {**OPTIONAL, "destination.usb.devices": []}, "NO"),
    ("USB, not collected", {**USB, "destination.usb": None}, "NO_IDEA"),
    ("mediated, old QEMU", hostdev(type="mdev", mdevUuid="m"), "NO"),
    ("mediated, new QEMU", {**hostdev(type="mdev", mdevUuid="m"), **NEW_QEMU}, "PROBABLY_NO"),
    ("SCSI host", hostdev(type="scsi_host"), "NO"),
    ("a LUN by iSCSI", hostdev(type="scsi", scsiAdapter="iqn.x:t/1"), "PROBABLY_YES"),
    ("a LUN of an adapter", hostdev(type="scsi", scsiAdapter="scsi_host0"), "NO_IDEA"),
    ("capabilities", {"vm.host_devices": [{"mode": "capabilities", "type": "misc"}]}, "NO"),
]


def share(driver, **source):
    return {
        "vm.filesystems": [
            {
                "target": "t",
                "type": "mount",
                "driver": driver,
                "source": {"path": "/srv/d", **source},
            }
        ]
    }


VIRTIOFS = share("virtiofs", exists=True)
SHARES = [
    ("none", {}, "YES"),
    ("9p", share("path"), "YES"),
    ("QEMU 7.2", VIRTIOFS, "NO"),
    ("libvirt 9.0", {**VIRTIOFS, **NEW_QEMU}, "PROBABLY_NO"),
    ("virtiofsd not known", {**VIRTIOFS, **NEW}, "NO_IDEA"),
    ("new", {**VIRTIOFS, **NEW, "hosts.hypervisor.virtiofsd_version": "1.13.2"}, "PROBABLY_YES"),
    (
        "virtiofsd 1.8",
        {**VIRTIOFS, **NEW, "hosts.hypervisor.virtiofsd_version": "1.8.0"},
        "PROBABLY_NO",
    ),
    ("not collected", {**VIRTIOFS, "source.hypervisor": None}, "NO_IDEA"),
]


def readable(**answer):
    path = share("path")["vm.filesystems"][0]["source"]["path"]
    return {"probes.accesses": [{"path": path, "answer": answer}]}


DIRECTORIES = [
    ("MTP", share("mtp", exists=True), "NO"),
    ("none", {}, "YES"),
    ("virtiofs", VIRTIOFS, "YES"),
    ("9p", share("path", exists=True), "PROBABLY_YES"),
    ("missing", share("path", exists=False), "NO"),
    (
        "QEMU's user may read it",
        {**share("path", exists=True, kind="directory"), **readable(allowed=True)},
        "PROBABLY_YES",
    ),
    (
        "QEMU's user may not read it",
        {**share("path", exists=True, kind="directory"), **readable(allowed=False)},
        "NO",
    ),
    ("a file", share("path", exists=True, kind="file"), "NO"),
    ("nobody looked", share("path"), "NO_IDEA"),
    ("without a directory", {"vm.filesystems": [{"target": "t", "type": "ram"}]}, "YES"),
]


def device(**fields):
    return {"vm.other_devices": [fields]}


BLOCKERS = [
    ("none", {}, "YES"),
    ("transient disk", {"vm.disks[0].transient": True}, "NO"),
    ("NVMe", {"vm.disks[0].bus": "nvme"}, "NO"),
    ("VMDK", {"vm.disks[0].source.format": "vmdk"}, "NO"),
    ("over VDI", {"vm.disks[0].backing_chain": [{"type": "file", "format": "vdi"}]}, "NO"),
    ("over raw", {"vm.disks[0].backing_chain": [{"type": "file", "format": "raw"}]}, "YES"),
    ("vDPA", {"vm.nics[0].type": "vdpa"}, "PROBABLY_NO"),
    ("shared memory", device(kind="shmem"), "NO"),
    ("shared memory of a peer", device(kind="shmem", role="peer"), "NO"),
    ("shared memory of the master", device(kind="shmem", role="master"), "YES"),
    ("shared memory, old", device(kind="shmem", model="ivshmem", role="master"), "NO"),
    ("3D acceleration", device(kind="video", model="virtio", accelerated3d=True), "NO"),
    ("no acceleration", device(kind="video", model="virtio", accelerated3d=False), "YES"),
    (
        "a display in a process of its own",
        device(kind="video", model="virtio", driverName="vhostuser"),
        "PROBABLY_NO",
    ),
    ("crypto", device(kind="crypto", model="virtio"), "NO"),
    ("passed-through input", device(kind="input", type="passthrough"), "NO"),
    ("input by evdev", device(kind="input", type="evdev"), "YES"),
    ("virtio sound", {"vm.other_devices": [{"kind": "sound", "model": "virtio"}]}, "NO"),
    ("another sound", {"vm.other_devices": [{"kind": "sound", "model": "ich9"}]}, "YES"),
    ("persistent memory", {"vm.memory.devices": [{"model": "virtio-pmem"}]}, "NO"),
    ("offline", {"vm.disks[0].transient": True, "options.offline": True}, "YES"),
]

TABLES = {
    "dev.blockers": BLOCKERS,
    "dev.hostdev": HOSTDEVS,
    "dev.virtiofs": SHARES,
    "dev.filesystem": DIRECTORIES,
}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


@pytest.mark.parametrize(
    ("fact", "changes", "kind"),
    [
        ("dev.hostdev", USB, "detach_device"),
        ("dev.filesystem", share("path", exists=False), "provide_storage"),
    ],
)
def test_remedies(fact, changes, kind):
    assert remedy_kinds(finding(fact, migration(changes))) == [kind]
