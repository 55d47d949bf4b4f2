"""Does the destination's hypervisor know the guest's CPU mode and model?"""

from vmfit.v1.finding_pb2 import QUALITY_REDUCED
from vmfit.v1.hypervisor_pb2 import CpuModelUsability
from vmfit_comparator.evaluation.applicability import S390, X86
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.capabilities import destination_capabilities
from vmfit_comparator.knowledge.cpu.guest import needed_features
from vmfit_comparator.knowledge.cpu.hosts import destination_offer
from vmfit_contract.cpu_features import features, names

_CAPABILITIES = "destination.hypervisor.connections.domain_capabilities"


@fact(
    architectures=(*X86, *S390),
    applies_if="vm.cpu",
    needs=("vm.cpu", "destination.hypervisor"),
    reads=(f"{_CAPABILITIES}.cpu_modes", f"{_CAPABILITIES}.models"),
)
def model_usable(case: Case) -> Result:
    """Look the CPU mode and the model up in the domain capabilities.

    A mode that is not supported is NO, and so is a model that is not listed: a running guest
    forbids a fallback. For a definition that allows one it is PROBABLY_YES, of REDUCED quality, if
    libvirt knows the model's features. Usable is YES. So is a model that the host cannot give
    whole, when the guest lacks the same features; when it has one of them, NO; when libvirt does
    not name them and the hypervisor's host model does not hold all of the guest's, PROBABLY_NO. No
    list, or "unknown", is NO_IDEA.

    Source: virConnectGetDomainCapabilities: cpu/mode.
    """
    cpu = case.vm.cpu
    capabilities = destination_capabilities(case)
    if capabilities is None or not (capabilities.cpu_modes or capabilities.models):
        missing = f"{_CAPABILITIES}.cpu_modes"
        return no_idea("the destination does not list its CPU models", missing=[missing])
    mode = cpu.mode or "custom"
    supported = {each.mode for each in capabilities.cpu_modes if each.supported}
    if capabilities.cpu_modes and mode not in supported:
        text = f"the destination's hypervisor has no CPU mode {mode} for this type of domain"
        return no(text, remedies=[change_definition("Use another CPU mode", "cpu/@mode", "")])
    if mode != "custom" or not cpu.model:
        return yes(f"CPU mode {mode} is supported there")
    name = cpu.model
    model = next((each for each in capabilities.models if each.name == name), None)
    if model is not None:
        return _usable(case, model)
    if not capabilities.models:
        missing = f"{_CAPABILITIES}.models"
        return no_idea("the destination does not list its CPU models", missing=[missing])
    if cpu.fallback != "forbid" and cpu.expanded:
        text = f"{cpu.model} is unknown there, libvirt starts the guest with a model like it"
        return probably_yes(text, quality=QUALITY_REDUCED)
    remedy = change_definition("Start the guest with another CPU model", "cpu/model", "")
    return no(f"the destination's hypervisor does not know {cpu.model}", remedies=[remedy])


def _usable(case: Case, model: CpuModelUsability) -> Result:
    cpu = case.vm.cpu
    if not model.HasField("usable"):
        missing = f"{_CAPABILITIES}.models.usable"
        return no_idea(f"libvirt does not tell if {cpu.model} is usable", missing=[missing])
    if model.usable:
        return yes(f"{cpu.model} is usable there")
    blockers = features(model.blockers)
    if blockers and cpu.expanded:
        needed = blockers & needed_features(case)
        if needed:
            return no(f"{cpu.model} is not usable there for want of {', '.join(names(needed))}")
        return yes(f"{cpu.model} lacks {', '.join(names(blockers))} there, like the guest")
    given = destination_offer(case)
    if cpu.expanded and given is not None and needed_features(case) <= given.features:
        return yes(f"{cpu.model} is not whole there, the guest's part of it is")
    return probably_no(f"{cpu.model} is not usable there")
