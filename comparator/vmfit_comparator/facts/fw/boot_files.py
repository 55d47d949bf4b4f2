"""Does the destination have the kernel, initrd, tables and files that the guest reads?"""

from collections.abc import Iterator
from dataclasses import dataclass

from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.reads import chooses
from vmfit_comparator.evaluation.result import Result, probably_yes
from vmfit_comparator.evaluation.subjects import subjects
from vmfit_comparator.knowledge.device_paths import existing
from vmfit_comparator.knowledge.file_content import same_content


@dataclass(frozen=True, slots=True)
class BootFile:
    """A file that QEMU reads, and the field of the definition that names it."""

    field: str
    path: HostPath


@subjects("boot file")
@chooses(
    *("incoming.kernel", "incoming.initrd", "incoming.firmware.tables"),
    *("incoming.system_information.files", "incoming.qemu_argument_files"),
)
def files(case: Case) -> Iterator[tuple[str, BootFile]]:
    """Yield kernel, initrd, ACPI tables, files of fwcfg and of the command line."""
    vm = case.incoming
    for name in ("kernel", "initrd"):
        yield name, BootFile(name, getattr(vm, name))
    for word, field, paths in (
        ("table", "firmware.tables", vm.firmware.tables),
        ("fw_cfg", "system_information.files", vm.system_information.files),
        ("argument", "qemu_argument_files", vm.qemu_argument_files),
    ):
        for number, path in enumerate(paths):
            yield f"{word} {number}", BootFile(field, path)


@fact(
    each=files,
    applies_if=(
        *("incoming.kernel", "incoming.initrd", "incoming.firmware.tables"),
        *("incoming.system_information.files", "incoming.qemu_argument_files"),
    ),
    reads=("vm.kernel", "vm.initrd"),
)
def boot_files(file: BootFile, case: Case) -> Result | None:
    """Look kernel, initrd, ACPI tables, files of fwcfg and of the command line up there.

    QEMU reads them again when it starts to receive the guest: a missing one is NO, one that
    nobody looked for NO_IDEA. A kernel or initrd of another content is PROBABLY_YES: the guest runs
    on, and starts that one when it reboots.

    Source: stat(2) and content on both hosts; QEMU's fw_cfg.
    """
    there = file.path
    if not there.path:
        return None
    here = {"kernel": case.vm.kernel, "initrd": case.vm.initrd}.get(file.field, HostPath())
    found = existing(there, f"incoming.{file.field}")
    if same_content(here, there) is False:
        return probably_yes(f"{there.path} has another content: it counts when the guest reboots")
    return found
