"""Does the destination run guests with so many vCPUs?"""

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, ChangeDefinition, Remedy
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import Result, no, no_idea, not_applicable, yes
from vmfit_comparator.knowledge.capabilities import (
    destination_capabilities,
    destination_machine,
    destination_machines,
)
from vmfit_comparator.knowledge.connections import destination_connection


@fact(
    applies_if="vm.vcpus",
    needs=("vm.vcpus.current_count", "destination.hypervisor", "destination.cpu.online_cpu_ids"),
    reads=(
        *("vm.vcpus.maximum_count", "vm.domain_type", "destination.cpu.kvm.maximum_vcpu_count"),
        "destination.hypervisor.connections.domain_capabilities.max_vcpu_count",
        "destination.hypervisor.connections.guest_archs.machine_types.max_vcpu_count",
    ),
)
def topology(case: Case) -> Result:
    """Compare the guest's vCPUs with the machine type's maximum and with the host's threads.

    More than the machine type or KVM allows is NO. More than the host has threads works, of REDUCED
    quality. NO_IDEA when the destination does not tell its maximum. A machine type that the
    destination does not know has none: not applicable.

    Source: virConnectGetDomainCapabilities: vcpu; virConnectGetCapabilities: maxCpus;
    KVM_CAP_MAX_VCPUS.
    """
    vcpus, destination = case.vm.vcpus, case.destination
    count = max(vcpus.maximum_count, vcpus.current_count)
    maximum = _maximum_vcpus(case)
    machines = destination_machines(case)
    if not maximum and machines and destination_machine(case) not in machines:
        return not_applicable("the destination does not know the machine type")
    if not maximum:
        missing = "destination.hypervisor.connections.domain_capabilities.max_vcpu_count"
        return no_idea("how many vCPUs a guest may have there is not known", missing=[missing])
    if count > maximum:
        remedy = Remedy(
            summary=f"Start the guest with at most {maximum} vCPUs, or with another machine type",
            change_definition=ChangeDefinition(element="vcpu", value=str(maximum)),
        )
        return no(f"{count} vCPUs, at most {maximum} are possible there", remedies=[remedy])
    threads = len(destination.cpu.online_cpu_ids)
    text = f"{vcpus.current_count} vCPUs on {threads} CPUs (at most {maximum} vCPUs)"
    if threads and vcpus.current_count > threads:
        return yes(f"{text}: they take turns", quality=QUALITY_REDUCED)
    return yes(text)


def _maximum_vcpus(case: Case) -> int:
    if destination_connection(case) is None:
        return 0
    machine = destination_machine(case)
    limits = []
    capabilities = destination_capabilities(case)
    if capabilities is not None and capabilities.machine_type == machine:
        limits.append(capabilities.max_vcpu_count)
    listed = destination_machines(case).get(machine)
    if listed is not None:
        limits.append(listed.max_vcpu_count)
    if case.vm.domain_type == "kvm":
        limits.append(case.destination.cpu.kvm.maximum_vcpu_count)
    return min((each for each in limits if each), default=0)
