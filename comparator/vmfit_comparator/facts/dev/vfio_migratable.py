"""Do the drivers of passed-through devices carry their state?"""

from vmfit.v1.devices_pb2 import PciDevice
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import HostDevice, Nic
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import detach
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes
from vmfit_comparator.knowledge.devices import source_host_devices, source_nics
from vmfit_comparator.knowledge.versions import kernel_version

# The kernel's second interface for migrating VFIO devices, the one that QEMU uses.
_KERNEL = (5, 18, 0)


@fact(
    each=(source_host_devices, source_nics),
    needs=("source.pci", "destination.pci", "destination.kernel.release"),
    reads=("source.pci.devices", "destination.pci.devices", "source.kernel.release"),
)
def vfio_migratable(device: HostDevice | Nic, case: Case) -> Result | None:
    """Look at the drivers that PCI devices of the guest are bound to.

    A vendor's variant driver (mlx5_vfio_pci and its like) on both hosts, of kernels that know
    VFIO migration, is PROBABLY_YES, as firmware and driver have a say; on the source alone
    PROBABLY_NO. The plain vfio-pci, and kernels before 5.18, are NO. A device that the source does
    not show is NO_IDEA. Without such devices, or if a teaming partner stands in for them, the
    question does not arise.

    Source: Linux include/uapi/linux/vfio.h, VFIO_DEVICE_FEATURE_MIGRATION; sysfs driver.
    """
    of_host = not isinstance(device, HostDevice) or device.type == "pci"
    if not (of_host and device.pci_address) or device.teaming == "transient":
        return None
    return _driver(device.pci_address, case)


def _driver(address: str, case: Case) -> Result:
    here = _at(address, case.source)
    remedies = [detach(f"pci {address}")]
    if here is None:
        return no_idea(f"the source shows no device {address}")
    if not _carries(here.driver):
        text = f"driver {here.driver or 'none'} does not carry the device's state"
        return no(text, remedies=remedies)
    for side, snapshot in (("source", case.source), ("destination", case.destination)):
        release = snapshot.kernel.release
        if kernel_version(release) and kernel_version(release) < _KERNEL:
            text = f"the {side}'s kernel {release} does not migrate VFIO devices"
            return no(text, remedies=remedies)
    kin = [
        each.driver
        for each in case.destination.pci.devices
        if (each.vendor_id, each.device_id) == (here.vendor_id, here.device_id)
    ]
    if here.driver in kin:
        return probably_yes(f"both hosts have driver {here.driver}", probability=0.8)
    text = f"no such device of the destination has driver {here.driver}"
    return probably_no(text, remedies=remedies)


def _carries(driver: str) -> bool:
    name = driver.replace("-", "_")
    return name.endswith("vfio_pci") and name != "vfio_pci"


def _at(address: str, snapshot: Snapshot) -> PciDevice | None:
    return next((each for each in snapshot.pci.devices if each.address == address), None)
