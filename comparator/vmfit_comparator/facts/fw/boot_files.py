"""Does the destination have the kernel, initrd, tables and files that the guest reads?"""

from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, probably_yes
from vmfit_comparator.knowledge.device_paths import existing
from vmfit_comparator.knowledge.disks import joined


@fact(
    applies_if=(
        "incoming.kernel",
        "incoming.initrd",
        "incoming.firmware.tables",
        "incoming.system_information.files",
        "incoming.qemu_argument_files",
    ),
    reads=(
        "vm.kernel",
        "vm.initrd",
        "incoming.kernel",
        "incoming.initrd",
        "incoming.firmware.tables",
        "incoming.system_information.files",
        "incoming.qemu_argument_files",
    ),
)
def boot_files(case: Case) -> Result:
    """Look kernel, initrd, ACPI tables, files of fwcfg and of the command line up there.

    QEMU reads them again when it starts to receive the guest: a missing one is NO, one that
    nobody looked for NO_IDEA. A kernel or initrd of another content is PROBABLY_YES: the guest runs
    on, and starts that one when it reboots.

    Source: stat(2) and content on both hosts; QEMU's fw_cfg.
    """
    incoming = case.incoming
    files = {"kernel": incoming.kernel, "initrd": incoming.initrd}
    files |= {f"table {n}": table for n, table in enumerate(incoming.firmware.tables)}
    told = incoming.system_information.files
    files |= {f"fw_cfg {n}": path for n, path in enumerate(told)}
    files |= {f"argument {n}": path for n, path in enumerate(incoming.qemu_argument_files)}
    here = {"kernel": case.vm.kernel.sha256, "initrd": case.vm.initrd.sha256}
    outcomes = {
        name: _boot_file(here.get(name, ""), path, f"incoming.{name}")
        for name, path in files.items()
        if path.path
    }
    return joined(outcomes, "does not apply: no boot file is named")


def _boot_file(here: str, there: HostPath, field: str) -> Result:
    found = existing(there, field)
    if here and there.sha256 and here != there.sha256:
        return probably_yes(f"{there.path} has another content: it counts when the guest reboots")
    return found
