"""Can the destination make the guest's firmware variables (NVRAM)?"""

from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, joined, no, no_idea, probably_yes, yes
from vmfit_comparator.knowledge.device_paths import creatable


@fact(
    applies_if=("incoming.firmware.nvram", "incoming.firmware.nvram_template"),
    needs=("vm.firmware", "incoming.firmware"),
)
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
    return joined(outcomes)


def _same_size(here: HostPath, there: HostPath) -> Result:
    if here.size_bytes and there.size_bytes and here.size_bytes != there.size_bytes:
        return no(
            f"{there.path} has {there.size_bytes} bytes, the guest's variables take "
            f"{here.size_bytes}"
        )
    return yes(f"{there.path} is there")
