"""Has the destination's QEMU the drivers of the guest's disks?"""

from vmfit.v1.finding_pb2 import Remedy, UpgradeSoftware
from vmfit.v1.vm_pb2 import Disk, StorageSource
from vmfit_comparator.evaluation.applicability import QEMU
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, upgrade
from vmfit_comparator.evaluation.result import (
    Result,
    all_of,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.disk_kinds import incoming_disks
from vmfit_comparator.knowledge.versions import kernel_version

_MODULES = {
    "rbd": "block-rbd.so",
    "iscsi": "block-iscsi.so",
    "http": "block-curl.so",
    "https": "block-curl.so",
    "ftp": "block-curl.so",
    "ftps": "block-curl.so",
    "ssh": "block-ssh.so",
    "gluster": "block-gluster.so",
    "nfs": "block-nfs.so",
}


_IO_URING = (5, 1, 0)


@fact(
    each=incoming_disks,
    hypervisors=QEMU,
    needs="destination.hypervisor",
    reads=(
        *("source.hypervisor.qemu_modules", "destination.hypervisor.qemu_modules"),
        *("destination.kernel.release", "probes.disks"),
    ),
)
def block_drivers(disk: Disk, case: Case) -> Result | None:
    """Look for the loadable modules behind network disks, and for io_uring in the kernel.

    Drivers that are part of every QEMU (files, devices, NBD) are YES, and so is a module that is
    there, or a disk that a probe opened. A module that the source has and the destination, which
    has others, has not is NO; without any modules there PROBABLY_NO. When neither host has it,
    the driver is built in: PROBABLY_YES. io='io_uring' on a kernel before 5.1 is NO.

    Source: QEMU's module directory; docs/system/qemu-block-drivers.rst; io_uring_setup(2).
    """
    found = [_driver(disk.target, disk.source, case)] if disk.HasField("source") else []
    if disk.io == "io_uring":
        found.append(_io_uring(case))
    return all_of(*found) if found else None


def _driver(target: str, source: StorageSource, case: Case) -> Result:
    module = _MODULES.get(source.protocol) if source.type == "network" else None
    if module is None:
        return yes("every QEMU has the driver")
    for probe in case.probes.disks:
        if probe.target == target and probe.HasField("answer"):
            if probe.answer.opens:
                return yes(f"it opens {source.protocol} disks there")
            if probe.answer.driver_missing:
                return no(
                    f"QEMU there lacks the driver for {source.protocol}",
                    remedies=[_install(module)],
                )
    here = case.source.hypervisor.qemu_modules
    there = case.destination.hypervisor.qemu_modules
    if module in there:
        return yes(f"{module} is there")
    if module in here:
        text = f"the destination lacks QEMU's {module}, which the source has"
        if there:
            return no(text, remedies=[_install(module)])
        return probably_no(f"{text}; it shows no modules at all", remedies=[_install(module)])
    text = f"neither host has {module}: {source.protocol} is part of QEMU itself"
    return probably_yes(text)


def _install(module: str) -> Remedy:
    return Remedy(
        summary=f"Install the package with QEMU's {module} on the destination "
        "(qemu-block-extra, qemu-kvm-block-*)",
        upgrade_software=UpgradeSoftware(name=module),
    )


def _io_uring(case: Case) -> Result:
    version = kernel_version(case.destination.kernel.release)
    if not version:
        missing = "destination.kernel.release"
        return no_idea("whether the kernel there has io_uring is not known", missing=[missing])
    if version < _IO_URING:
        summary = "Let the disk use another kind of asynchronous I/O (--xml)"
        remedy = change_definition(summary, "disk/driver/@io", "native")
        return no(
            f"kernel {case.destination.kernel.release} has no io_uring",
            remedies=[remedy, upgrade("the kernel", "5.1")],
        )
    return yes("the kernel there is new enough for io_uring")
