"""The CPU that guests of KVM can have on all of several hosts that are not x86."""

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from vmfit.v1.comparator_service_pb2 import BaselineResponse
from vmfit.v1.hypervisor_pb2 import HostCpuModel
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.applicability import POWER, S390
from vmfit_comparator.knowledge.cpu.generations import generation

_OWN_CPU = "<cpu mode='host-passthrough'/>\n"


def fill_elsewhere(
    response: BaselineResponse, hosts: Mapping[str, Snapshot], architecture: str
) -> None:
    """Set model and cpu_xml, and warn of what makes them less than sure.

    On POWER the oldest processor's generation, which newer ones offer as a compatibility mode; on
    s390x what all hosts' libvirt offers alike, else the oldest bare model; elsewhere a guest has
    its host's own CPU, which is one for all where the processors are alike.
    Source: libvirt formatdomain, cpu mode host-model on ppc64; cpu_s390, cpu_arm.
    """
    if architecture in POWER:
        _fill_power(response, hosts)
    elif architecture in S390:
        _fill_z(response, hosts, architecture)
    else:
        _fill_own(response, hosts)


def _fill_power(response: BaselineResponse, hosts: Mapping[str, Snapshot]) -> None:
    models = {
        name: next(
            (each.host_cpu.model for each in host.hypervisor.connections if each.host_cpu.model), ""
        )
        for name, host in hosts.items()
    }
    if _warn_of_unknown(response, models):
        return
    oldest = min(models.values(), key=generation)
    response.model = oldest
    if len(set(models.values())) > 1:
        response.cpu_xml = f"<cpu mode='host-model'>\n  <model>{oldest.lower()}</model>\n</cpu>\n"
    else:
        response.cpu_xml = f"<cpu mode='custom' match='exact'>\n  <model>{oldest}</model>\n</cpu>\n"


def _fill_z(response: BaselineResponse, hosts: Mapping[str, Snapshot], architecture: str) -> None:
    models = {name: _host_model(host, architecture) for name, host in hosts.items()}
    if _warn_of_unknown(
        response, {name: "" if each is None else each.model for name, each in models.items()}
    ):
        return
    known = [each for each in models.values() if each is not None]
    oldest = min(known, key=lambda each: generation(each.model))
    features = set(known[0].extra_features)
    if any(_content(each) != _content(known[0]) for each in known):
        features = set()
        response.warnings.append(
            "the hosts' libvirt offers different CPUs, and not all features of them are known: the "
            "oldest bare model is what all can have"
        )
    response.model = oldest.model
    response.features.extend(sorted(features))
    lines = ["<cpu mode='custom' match='exact'>", f"  <model>{oldest.model}</model>"]
    lines += (f"  <feature policy='require' name={quoteattr(each)}/>" for each in sorted(features))
    response.cpu_xml = "\n".join([*lines, "</cpu>", ""])


def _host_model(host: Snapshot, architecture: str) -> HostCpuModel | None:
    return next(
        (
            each.host_model
            for connection in host.hypervisor.connections
            for each in connection.domain_capabilities
            if each.domain_type == "kvm"
            and each.architecture == architecture
            and each.host_model.model
        ),
        None,
    )


def _content(model: HostCpuModel) -> tuple[str, frozenset[str], frozenset[str]]:
    return model.model, frozenset(model.extra_features), frozenset(model.disabled_features)


def _fill_own(response: BaselineResponse, hosts: Mapping[str, Snapshot]) -> None:
    alike = {
        (each.cpu.vendor, each.cpu.model, each.cpu.stepping, tuple(each.cpu.features))
        for each in hosts.values()
    }
    if len(alike) > 1:
        response.warnings.append(
            "a guest has its host's own CPU, and the hosts' processors differ: no guest moves"
        )
        return
    response.warnings.append("a guest has its host's own CPU: all these hosts have the same")
    response.cpu_xml = _OWN_CPU


def _warn_of_unknown(response: BaselineResponse, models: Mapping[str, str]) -> bool:
    unknown = [name for name, model in models.items() if not model]
    if unknown:
        response.warnings.append(f"the CPU that {', '.join(unknown)} offers is not known")
    return bool(unknown)
