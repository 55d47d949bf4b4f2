"""Has the destination as many physical address bits as the guest believes?"""

from vmfit.v1.finding_pb2 import ChangeDefinition, Remedy
from vmfit_comparator.evaluation.applicability import X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    yes,
)


@fact(
    architectures=X86,
    applies_if=("vm.cpu",),
    needs=("vm.cpu", "vm.domain_type"),
    reads=("source.cpu.physical_address_bits", "destination.cpu.physical_address_bits"),
)
def phys_bits(case: Case) -> Result:
    """Compare the guest's physical address bits with the destination processor's.

    TCG emulates any, 40 bits. Passed through: as many or more there is YES, fewer NO. Emulated:
    fixed bits up to the destination's are YES, more are NO. By default QEMU shows 40 bits, whatever
    the processor has: a processor with fewer is PROBABLY_NO when the source had them, else the
    guest lives with it already.

    Source: CPUID 0x80000008; libvirt docs/formatdomain.rst, maxphysaddr.
    """
    cpu, has = case.vm.cpu, case.destination.cpu.physical_address_bits
    if case.vm.domain_type != "kvm":
        return yes("the guest's address bits are emulated")
    if not has:
        missing = "destination.cpu.physical_address_bits"
        return no_idea("the destination's address bits are not known", missing=[missing])
    source = case.source.cpu
    if cpu.physical_address_mode == "passthrough":
        wanted = source.physical_address_bits
        if cpu.physical_address_limit_bits:
            wanted = min(wanted or 64, cpu.physical_address_limit_bits)
        if not wanted:
            missing = "source.cpu.physical_address_bits"
            return no_idea("the source's address bits are not known", missing=[missing])
    else:
        wanted = cpu.physical_address_bits or 40
    text = f"the guest sees {wanted} physical address bits, the destination has {has}"
    if wanted <= has:
        return yes(text)
    remedy = Remedy(
        summary=f"Start the guest with <maxphysaddr mode='emulate' bits='{has}'/>",
        change_definition=ChangeDefinition(element="cpu/maxphysaddr", value=str(has)),
    )
    if cpu.physical_address_mode:
        return no(text, remedies=[remedy])
    if source.HasField("physical_address_bits") and source.physical_address_bits <= has:
        return yes(f"{text}, no fewer than the source")
    return probably_no(text, remedies=[remedy])
