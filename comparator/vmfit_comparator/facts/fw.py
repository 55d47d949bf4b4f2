"""Facts about firmware and boot files."""

from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage, upgrade
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_yes, yes
from vmfit_comparator.facts.dev_paths import creatable, existing
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.knowledge.connections import domain_capabilities_for
from vmfit_comparator.knowledge.disks import joined


@fact(
    "fw.firmware",
    question="Does the destination have the guest's firmware, of the same size?",
    applies_if=("incoming.firmware.loader", "incoming.firmware.auto_type"),
    reads=("vm.firmware", "incoming.firmware"),
    also_reads=(
        "vm.connection_uri",
        "vm.os_type",
        "vm.machine_type",
        "vm.emulator.path",
        "vm.domain_type",
        "vm.architecture",
        "destination.hypervisor.connections",
    ),
)
@unless_offline
def firmware(case: Case) -> Result:
    """Compare the firmware image on both hosts.

    The guest's firmware is memory and moves with it, so another build of the same size is
    PROBABLY_YES (the next start uses the destination's); another size QEMU refuses: NO. A missing
    image is NO, without both hashes or sizes it is PROBABLY_YES. A definition that leaves the
    choice to libvirt needs the destination's libvirt to offer such firmware.

    Source: content of the image; virConnectGetDomainCapabilities: os.
    """
    here, there = case.vm.firmware.loader, case.incoming.firmware.loader
    if not there.path:
        return _automatic(case)
    found = _presence(there, case)
    if found is not None:
        return found
    if not here.path:
        return probably_yes(f"{there.path} is there; the source's firmware is not known")
    if here.sha256 and here.sha256 == there.sha256:
        return yes(f"{there.path} is the same image on both hosts")
    if here.size_bytes and there.size_bytes and here.size_bytes != there.size_bytes:
        return no(
            f"{there.path} has {there.size_bytes} bytes there, {here.path} {here.size_bytes} here",
            remedies=[upgrade("the guest firmware of the same build", "")],
        )
    if here.sha256 and there.sha256:
        return probably_yes(
            f"{there.path} is another build of the same size; the guest keeps its own until it "
            "is started anew"
        )
    return probably_yes(f"{there.path} is there; the images were not compared")


def _presence(loader: HostPath, case: Case) -> Result | None:
    """Return what speaks against the image's presence; None when it is there."""
    if loader.HasField("exists"):
        if loader.exists:
            return None
        return no(
            f"{loader.path} does not exist on the destination",
            remedies=[upgrade(f"the package with {loader.path}", "")],
        )
    capabilities = domain_capabilities_for(case.vm, case.destination)
    if capabilities is not None and loader.path in capabilities.firmware.loader_paths:
        return None
    return no_idea(
        f"whether {loader.path} exists on the destination is not known",
        missing=["incoming.firmware.loader.exists"],
    )


def _automatic(case: Case) -> Result:
    wanted = case.incoming.firmware.auto_type
    capabilities = domain_capabilities_for(case.vm, case.destination)
    if capabilities is None or not capabilities.HasField("firmware"):
        return no_idea(
            "the destination's firmware is not known",
            missing=["destination.hypervisor.connections.domain_capabilities.firmware"],
        )
    if wanted in capabilities.firmware.auto_types:
        return probably_yes(f"libvirt chooses {wanted} firmware there; which one is not compared")
    return no(
        f"the destination's libvirt has no {wanted} firmware to choose",
        remedies=[upgrade(f"{wanted} firmware", "")],
    )


@fact(
    "fw.nvram",
    question="Can the destination make the guest's firmware variables (NVRAM)?",
    applies_if=("incoming.firmware.nvram", "incoming.firmware.nvram_template"),
    reads=("vm.firmware", "incoming.firmware"),
)
@unless_offline
def nvram(case: Case) -> Result:
    """Ask for the NVRAM file's directory, and for the template when the file is not there.

    QEMU carries the variables; libvirt makes the file from the template first. No template, no
    directory for a path of one's own, or a read-only mount, is NO; so is a file or template of
    another size than the guest's. Where nobody looked it is NO_IDEA, but libvirt makes its own
    directory itself.

    Source: libvirt's formatdomain, nvram.
    """
    here, there = case.vm.firmware.nvram, case.incoming.firmware.nvram
    template = case.incoming.firmware.nvram_template
    if there.kind == "directory":
        return no(f"{there.path} is a directory on the destination")
    if there.path and there.exists:
        return _same_size(here, there)
    if there.filesystem.read_only:
        return no(f"{there.filesystem.mount_point}, for {there.path}, is mounted read-only there")
    outcomes: dict[str, Result] = {}
    if there.path and "/libvirt/" not in there.path:
        outcomes["file"] = creatable(there, "incoming.firmware.nvram")
    if template.path:
        if not template.HasField("exists"):
            outcomes["template"] = no_idea(
                f"whether {template.path} exists on the destination is not known",
                missing=["incoming.firmware.nvram_template.exists"],
            )
        elif not template.exists:
            summary = f"Install the package with {template.path} on the destination"
            outcomes["template"] = no(
                f"{template.path}, from which libvirt would make the NVRAM file, does not exist",
                remedies=[provide_storage(summary, template.path)],
            )
        else:
            outcomes["template"] = _same_size(here, template)
    if not outcomes:
        return probably_yes("libvirt makes the NVRAM file from the template of its own choice")
    return joined(outcomes, "")


def _same_size(here: HostPath, there: HostPath) -> Result:
    if here.size_bytes and there.size_bytes and here.size_bytes != there.size_bytes:
        return no(
            f"{there.path} has {there.size_bytes} bytes, the guest's variables take "
            f"{here.size_bytes}"
        )
    return yes(f"{there.path} is there")


@fact(
    "fw.boot_files",
    question="Does the destination have the kernel, initrd, tables and files that the guest reads?",
    applies_if=(
        "incoming.kernel",
        "incoming.initrd",
        "incoming.firmware.tables",
        "incoming.system_information.files",
        "incoming.qemu_argument_files",
    ),
    also_reads=(
        "vm.kernel",
        "vm.initrd",
        "incoming.kernel",
        "incoming.initrd",
        "incoming.firmware.tables",
        "incoming.system_information.files",
        "incoming.qemu_argument_files",
    ),
)
@unless_offline
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


FACTS = (firmware, nvram, boot_files)
