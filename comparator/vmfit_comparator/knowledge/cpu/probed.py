"""What libvirt counts as a host's CPU beside what its hypervisor gives."""

from vmfit.v1.hypervisor_pb2 import HypervisorConnection
from vmfit_comparator.evaluation.applicability import X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.knowledge.connections import (
    destination_connection,
    on_connections,
    source_connection,
)
from vmfit_comparator.knowledge.cpu.hosts import (
    destination_host_model,
    destination_offer,
    destination_processor,
    source_processor,
)
from vmfit_contract.cpu_features import Feature, features

_HOST_CPU = "host_cpu.features"


@reads(*on_connections("source", _HOST_CPU))
@once
def source_probed(case: Case) -> frozenset[Feature]:
    """Return what the source's libvirt counts beside KVM's offer when it compares a definition.

    libvirt reads CPUID by itself; a kernel, asked for it, leaves out what it does not use.

    Source: libvirt 9.0 virQEMUCapsInitHostCPUModel, fullCPU.
    """
    if not _is_probed(case):
        return frozenset()
    return _read(source_connection(case)) | source_processor(case)


@reads(*on_connections("destination", _HOST_CPU))
@once
def destination_probed(case: Case) -> frozenset[Feature]:
    """Return what the destination's libvirt counts beside KVM's offer."""
    if not _is_probed(case):
        return frozenset()
    return _read(destination_connection(case)) | destination_processor(case)


@reads("vm.domain_type", "vm.architecture")
def _is_probed(case: Case) -> bool:
    return case.vm.domain_type == "kvm" and case.vm.architecture in X86


def _read(connection: HypervisorConnection | None) -> frozenset[Feature]:
    return features(connection.host_cpu.features) if connection is not None else frozenset()


@reads("vm.domain_type")
def forbidding_features(case: Case) -> frozenset[Feature]:
    """Return the features for which the destination refuses a guest that forbids them.

    Of KVM's offer all; of an emulated CPU those that its model lacks, for only they are listed.

    Source: libvirt 9.0 virCPUCheckForbiddenFeatures; lab measurements.
    """
    given, model = destination_offer(case), destination_host_model(case)
    if case.vm.domain_type == "kvm":
        return given.told if given is not None else frozenset()
    return features(model.extra_features) if model is not None else frozenset()
