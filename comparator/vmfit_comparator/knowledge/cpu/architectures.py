"""How CPUs of other architectures than x86 compare: each by what its guests can notice."""

from vmfit_comparator.evaluation.applicability import POWER, S390, X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.result import Result
from vmfit_comparator.knowledge.cpu.alike import by_description, by_emulator, by_generation
from vmfit_comparator.knowledge.cpu.arm64 import ARM, by_registers
from vmfit_comparator.knowledge.cpu.guest import PASSED_THROUGH, live_cpu
from vmfit_comparator.knowledge.cpu.hosts import destination_host_model
from vmfit_comparator.knowledge.cpu.ppc64 import by_model


@reads("vm.architecture", "vm.domain_type")
def by_architecture(case: Case) -> Result | None:
    """Judge the CPU of a guest that is none of x86; None where features tell, as they do there.

    libvirt compares features on x86 and, if its QEMU told them, on s390x.
    """
    architecture, cpu = case.vm.architecture, live_cpu(case)
    if architecture in X86 or not architecture:
        return None
    if case.vm.domain_type != "kvm":
        return by_emulator(case)
    if architecture in ARM:
        return by_registers(case)
    is_own = cpu.mode in PASSED_THROUGH
    if architecture in POWER:
        return by_generation(case) if is_own or not cpu.model else by_model(cpu, case)
    if architecture in S390 and not is_own and destination_host_model(case) is not None:
        return None
    return by_description(case)
