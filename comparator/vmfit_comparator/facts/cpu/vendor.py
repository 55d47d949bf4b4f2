"""Does the guest find a processor of the vendor that it knows?"""

from vmfit.v1.cpu_pb2 import Cpu
from vmfit.v1.finding_pb2 import (
    ChangeDefinition,
    Quality,
    Remedy,
)
from vmfit.v1.hypervisor_pb2 import HostCpuModel
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.cpu.guest import (
    PASSED_THROUGH,
    live_cpu,
)
from vmfit_comparator.knowledge.cpu.hosts import destination_host_model, source_host_model
from vmfit_comparator.knowledge.cpu.vendors import vendor_name


@fact(
    applies_if="vm.cpu",
    needs="vm.domain_type",
    reads=("source.cpu.vendor", "destination.cpu.vendor"),
)
def vendor(case: Case) -> Result:
    """Compare the vendors of both processors; under KVM a guest sees its host's.

    The same vendor is YES, and any vendor under TCG, which emulates the processor. Between
    vendors a KVM guest whose CPU comes from its host (host-model, host-passthrough, maximum) or
    names a vendor is NO. A bare named model without vendor is PROBABLY_YES, REDUCED: such guests
    are reported to move both ways, but QEMU passes the host's vendor on, so it changes under the
    running guest.

    Source: libvirt docs/formatdomain.rst, cpu/vendor; QEMU x86_cpu_load_model; CPUID 0.
    """
    if case.vm.domain_type != "kvm":
        return yes("the guest's processor is emulated, the destination's own is hidden")
    before = _vendor(source_host_model(case), case.source.cpu)
    after = _vendor(destination_host_model(case), case.destination.cpu)
    if not before or not after:
        side = "destination" if before else "source"
        return no_idea(f"the {side}'s vendor is not known", missing=[f"{side}.cpu.vendor"])
    if before == after:
        return yes(f"both processors are from {after}")
    cpu = live_cpu(case)
    text = f"the guest runs on {before}, the destination's processor is from {after}"
    if cpu.mode in PASSED_THROUGH or cpu.mode == "host-model" or cpu.vendor:
        return no(text, remedies=[_BASELINE])
    return probably_yes(
        f"{text}; the named model has no vendor of its own, so the guest sees that change while it "
        "runs",
        probability=0.65,
        quality=Quality.QUALITY_REDUCED,
    )


def _vendor(model: HostCpuModel | None, cpu: Cpu) -> str:
    return vendor_name(cpu.vendor or (model.vendor if model else ""))


_BASELINE = Remedy(
    summary="Start the guest with a named CPU model that both hosts can give, without <vendor>",
    change_definition=ChangeDefinition(element="cpu", value="see vmfit baseline"),
)
