"""Does the definition say where each memory device lies?"""

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    yes,
)


@fact(applies_if=("vm.memory.devices",), needs=("vm.memory.devices", "vm.state"))
def dimm_layout(case: Case) -> Result:
    """Check that every DIMM and NVDIMM has its slot and base address.

    All placed is YES: libvirt hands the addresses on. A DIMM without is NO: the
    destination could place it elsewhere, and QEMU refuses the memory layout.

    Source: libvirt docs/formatdomain.rst, memory devices.
    """
    loose = [
        f"{each.model} {index}"
        for index, each in enumerate(case.vm.memory.devices)
        if each.model in {"dimm", "nvdimm"} and not each.HasField("slot")
    ]
    if not loose:
        return yes("every memory device has its place")
    remedy = change_definition("Give every memory device slot and base", "memory/address", "")
    return no(f"no slot is given for {', '.join(loose)}", remedies=[remedy])
