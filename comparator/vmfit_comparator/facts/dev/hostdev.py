"""Can every passed-through device be left behind, or carried, and found again?"""

from vmfit.v1.devices_pb2 import PciDevice
from vmfit.v1.finding_pb2 import Quality
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import HostDevice
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import detach
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
)
from vmfit_comparator.knowledge.connections import source_hypervisor_version
from vmfit_comparator.knowledge.devices import host_device_name, host_devices
from vmfit_comparator.knowledge.disks import DROPPED_WHEN_MISSING
from vmfit_comparator.knowledge.nics import NicPair, nics
from vmfit_comparator.knowledge.versions import version_text

# QEMU carries the state of VFIO devices from 8.1 on, libvirt leaves it to QEMU from 8.5 on.
_QEMU_WITH_VFIO = 8_001_000


# RFC 3720, 3.2.6: how names of iSCSI targets begin.
_ISCSI_NAMES = ("iqn.", "eui.", "naa.")


@fact(
    each=(host_devices, nics),
    reads=(
        *("source.pci.devices", "destination.pci.devices", "destination.usb.devices"),
        "source.hypervisor.connections",
    ),
)
def hostdev(subject: HostDevice | NicPair, case: Case) -> Result | None:
    """Judge every hostdev by what libvirt and QEMU let migrate.

    A PCI device with <teaming type='transient'/> is unplugged for the move: PROBABLY_YES where
    the destination has one at its address. Other PCI and mediated devices need a kernel driver
    that migrates (a vfio variant driver) and QEMU 8.1: else NO. USB devices are plugged in
    anew: PROBABLY_YES, REDUCED, where the destination has one or may leave it out, else NO. LUNs
    by iSCSI are PROBABLY_YES, those of a host's own adapter NO_IDEA. All others are NO.

    Source: libvirt's qemu driver; QEMU's docs/devel/migration/vfio.
    """
    if isinstance(subject, HostDevice):
        return _hostdev(subject, case)
    nic = subject.there
    if not nic.pci_address:
        return None
    device = HostDevice(type="pci", mode="subsystem", pci_address=nic.pci_address)
    if nic.teaming:
        device.teaming = nic.teaming
    return _hostdev(device, case)


def _hostdev(device: HostDevice, case: Case) -> Result:
    remedies = [detach(host_device_name(device))]
    if device.mode == "capabilities":
        return no("libvirt does not migrate hostdevs of mode capabilities", remedies=remedies)
    if device.type == "usb":
        return _usb(device, case)
    if device.type == "pci":
        return _pci(device, case)
    version = source_hypervisor_version(case)
    if device.type == "scsi":
        return _scsi(device)
    if device.type == "mdev" and version >= _QEMU_WITH_VFIO:
        return probably_no(
            f"whether this {device.type} device migrates depends on its driver", remedies=remedies
        )
    return no(f"QEMU does not migrate hostdevs of type {device.type}", remedies=remedies)


def _scsi(device: HostDevice) -> Result:
    place = f"{device.scsi_adapter} {device.scsi_address}".strip()
    if device.scsi_adapter.startswith(_ISCSI_NAMES):
        return probably_yes(f"QEMU logs in to {place} by itself, which was not tried there")
    return no_idea(f"whether {place} of the destination is the same LUN is not known")


def _usb(device: HostDevice, case: Case) -> Result:
    if not case.destination.HasField("usb"):
        return no_idea("the destination's USB devices are not known", missing=["destination.usb"])
    for each in case.destination.usb.devices:
        by_id = (each.vendor_id, each.product_id) == (device.vendor_id, device.product_id)
        place = (each.bus_number, each.device_number)
        by_place = place == (device.usb_bus_number, device.usb_device_number)
        if by_id or (not device.vendor_id and by_place):
            return probably_yes(
                f"the destination has a {each.vendor_id}:{each.product_id} as well; the guest sees "
                "it unplugged and plugged in",
                quality=Quality.QUALITY_REDUCED,
            )
    gone = f"the destination has no {host_device_name(device)}"
    if not case.destination.usb.devices:
        gone = "the destination has no USB at all"
    elif device.startup_policy in DROPPED_WHEN_MISSING:
        return probably_yes(
            f"{gone}: it is left out (startupPolicy={device.startup_policy})",
            quality=Quality.QUALITY_REDUCED,
        )
    return no(gone, remedies=[detach(host_device_name(device))])


def _pci(device: HostDevice, case: Case) -> Result:
    there = _at(device.pci_address, case.destination)
    remedies = [detach(host_device_name(device))]
    if not case.destination.HasField("pci"):
        return no_idea("the destination's PCI devices are not known", missing=["destination.pci"])
    if device.teaming == "transient":
        if there is None:
            return no(f"the destination has no PCI device {device.pci_address}", remedies=remedies)
        return probably_yes(
            f"it is unplugged for the move, and the destination has {there.vendor_id}:"
            f"{there.device_id} at {device.pci_address}"
        )
    version = source_hypervisor_version(case)
    if version < _QEMU_WITH_VFIO:
        return no(
            f"QEMU {version_text(version)} does not migrate passed-through PCI devices",
            remedies=remedies,
        )
    here = _at(device.pci_address, case.source)
    if here is None or not _migrates(here.driver):
        driver = here.driver if here is not None else "not known"
        return no(f"its driver ({driver or 'none'}) does not migrate", remedies=remedies)
    if there is None or (there.vendor_id, there.device_id) != (here.vendor_id, here.device_id):
        return no(
            f"the destination has no {here.vendor_id}:{here.device_id} at {device.pci_address}",
            remedies=remedies,
        )
    return probably_yes(
        f"driver {here.driver} migrates, the destination has the same device", probability=0.7
    )


def _migrates(driver: str) -> bool:
    """Tell a vendor's vfio variant driver from the plain one."""
    name = driver.replace("-", "_")
    return name.endswith("vfio_pci") and name != "vfio_pci"


def _at(address: str, snapshot: Snapshot) -> PciDevice | None:
    return next((each for each in snapshot.pci.devices if each.address == address), None)
