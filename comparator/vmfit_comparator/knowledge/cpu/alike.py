"""Processors of which no list of features tells what a guest gets: alike or not is all there is."""

from vmfit.v1.cpu_pb2 import Cpu
from vmfit.v1.hypervisor_pb2 import HostCpuModel
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.capabilities import destination_capabilities, source_capabilities
from vmfit_comparator.knowledge.connections import (
    destination_connection,
    on_connections,
    source_connection,
)
from vmfit_comparator.knowledge.cpu.generations import generation

_CPU = ("vendor", "family", "model", "stepping", "model_name", "features")


@reads(
    *(f"{side}.cpu.{each}" for side in ("source", "destination") for each in _CPU),
    *on_connections("source", "domain_capabilities.host_model"),
    *on_connections("destination", "domain_capabilities.host_model"),
    *("source.kernel.release", "destination.kernel.release", "vm.architecture"),
)
def by_description(case: Case) -> Result:
    """Compare all that both hosts say of their processors and of the CPU that they offer.

    Equal is YES with the same kernel, else PROBABLY_YES: the guest runs on the source as it is.
    What differs is NO_IDEA on s390x, whose newer machines run the guests of older ones, and
    PROBABLY_NO elsewhere.
    """
    here, there = case.source.cpu, case.destination.cpu
    unknown = [
        f"{side}.cpu"
        for side, cpu in (("source", here), ("destination", there))
        if not any(_description(cpu))
    ]
    if unknown:
        return no_idea("which processors the hosts have is not known", missing=unknown)
    differences = [name for name in _CPU if getattr(here, name) != getattr(there, name)]
    models = [
        "" if each is None else _model(each.host_model)
        for each in (source_capabilities(case), destination_capabilities(case))
    ]
    if models[0] != models[1]:
        differences.append("the CPU that libvirt offers")
    if differences:
        text = f"the hosts' processors differ in {', '.join(differences)}"
        if case.vm.architecture == "s390x":
            missing = ["destination.hypervisor.connections.domain_capabilities.host_model"]
            return no_idea(f"{text}, and nothing tells which features are offered", missing=missing)
        return probably_no(text, probability=0.2)
    name = models[0] or here.model_name or here.vendor
    if case.source.kernel.release == case.destination.kernel.release:
        return yes(f"both hosts have the same processor, {name}, and the same kernel")
    return probably_yes(f"both hosts have the same processor, {name}")


def _description(cpu: Cpu) -> list[object]:
    return [getattr(cpu, name) for name in _CPU]


def _model(model: HostCpuModel) -> str:
    words = [model.model, *(f"+{each}" for each in sorted(model.extra_features))]
    return " ".join([*words, *(f"-{each}" for each in sorted(model.disabled_features))]).strip()


@reads(
    *on_connections("source", "host_cpu.model"),
    *on_connections("destination", "host_cpu.model"),
)
def by_generation(case: Case) -> Result:
    """Compare two POWER processors for a guest that has its host's own.

    Source: QEMU target/ppc/machine.c, cpu_post_load: the processor version must match.
    """
    here, there = source_connection(case), destination_connection(case)
    models = [each.host_cpu.model if each is not None else "" for each in (here, there)]
    if not all(models):
        side = "destination" if models[0] else "source"
        missing = [f"{side}.hypervisor.connections.host_cpu"]
        return no_idea(f"the model of the {side}'s processor is not known", missing=missing)
    if generation(models[0]) != generation(models[1]):
        return no(f"the guest has its host's own {models[0]}, the destination has {models[1]}")
    return probably_yes(f"both hosts have {models[0]}", probability=0.95)


@reads(
    *on_connections("source", "hypervisor_version"),
    *on_connections("destination", "hypervisor_version"),
)
def by_emulator(case: Case) -> Result:
    """Compare the QEMUs that emulate a processor of another kind than both hosts'."""
    here, there = source_connection(case), destination_connection(case)
    versions = [each.hypervisor_version if each is not None else 0 for each in (here, there)]
    if not all(versions):
        side = "destination" if versions[0] else "source"
        missing = [f"{side}.hypervisor.connections.hypervisor_version"]
        return no_idea(f"the version of the {side}'s QEMU is not known", missing=missing)
    if versions[0] == versions[1]:
        return yes("the same QEMU emulates the CPU on both hosts")
    return probably_yes("QEMUs of different versions emulate the CPU", probability=0.85)
