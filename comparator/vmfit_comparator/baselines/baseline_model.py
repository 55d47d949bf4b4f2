"""Which named CPU model all hosts can run, and how to write it down."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vmfit.v1.hypervisor_pb2 import CpuModelUsability, HostCpuModel
from vmfit_comparator.knowledge.cpu.generations import generation
from vmfit_comparator.knowledge.cpu.special_features import INVARIANT_TSC, NEVER_ASKED
from vmfit_comparator.knowledge.cpu.vendors import vendor_name
from vmfit_contract.cpu_features import Feature, names
from vmfit_contract.cpu_features import features as features_of

# A newer model with this many features switched off is still better than an older one.
_FEW_DISABLED = 16
# libvirt refuses to migrate a guest that was given these.
_NOT_MIGRATABLE: frozenset[Feature] = frozenset((INVARIANT_TSC,))


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model that every host can run once `disabled` is switched off."""

    name: str
    vendor: str
    """libvirt's name; empty when libvirt does not tell."""
    deprecated: bool
    disabled: frozenset[Feature]
    own_features: frozenset[Feature] | None
    """What the name alone stands for; None when no host tells."""


def definitions(hosts: Iterable[HostCpuModel]) -> dict[str, frozenset[Feature]]:
    """Return what model names stand for, as far as expanded CPUs of that name reveal it."""
    found: dict[str, frozenset[Feature]] = {}
    for cpu in hosts:
        if cpu.expanded and cpu.model and cpu.features:
            extra, missing = features_of(cpu.extra_features), features_of(cpu.disabled_features)
            found[cpu.model] = (features_of(cpu.features) - extra) | missing
    return found


def common_models(
    hosts: Sequence[Mapping[str, CpuModelUsability]],
    features: frozenset[Feature],
    known: Mapping[str, frozenset[Feature]],
) -> list[NamedModel]:
    """Return the models that all hosts can run, as they are or with named features off.

    A model that a host cannot run as it is counts when it is known which features the host lacks.
    Without any list of models, those that `known` defines are taken.
    """
    if not any(hosts):
        return [
            NamedModel(name, "", deprecated=False, disabled=own - features, own_features=own)
            for name, own in known.items()
        ]
    names = set.intersection(*(set(each) for each in hosts))
    models = []
    for name in sorted(names):
        entries = [each[name] for each in hosts]
        own = known.get(name)
        # What must be off: by the model's definition, or by what each host says it lacks.
        if own is not None or all(entry.usable or entry.blockers for entry in entries):
            lacking = features_of(
                blocker for entry in entries if not entry.usable for blocker in entry.blockers
            )
            models.append(
                NamedModel(
                    name,
                    next((vendor_name(each.vendor) for each in entries if each.vendor), ""),
                    any(entry.deprecated for entry in entries),
                    lacking | (own - features if own else frozenset()),
                    own,
                )
            )
    return models


def best_model(models: Iterable[NamedModel], vendor: str) -> NamedModel | None:
    """Return the best model: of the hosts' vendor, with little switched off, then the newest."""

    def rank(model: NamedModel) -> tuple[object, ...]:
        return (
            model.vendor in (vendor, "", "unknown"),
            len(model.disabled) <= _FEW_DISABLED,
            not model.deprecated,
            generation(model.name),
            len(model.own_features or ()),
            -len(model.disabled),
            model.name,
        )

    return max(models, key=rank, default=None)


def cpu_xml(model: NamedModel, vendor: str, features: Iterable[Feature]) -> str:
    """Return libvirt's <cpu> for a guest with all of `features` and nothing else of the model.

    Features that QEMU cannot be asked for, or that keep a guest from migrating, are left out.
    """
    wanted = frozenset(features) - NEVER_ASKED - _NOT_MIGRATABLE
    lines = ["<cpu mode='custom' match='exact'>"]
    lines.append(f"  <model fallback='forbid'>{_escaped(model.name)}</model>")
    if vendor:
        lines.append(f"  <vendor>{_escaped(vendor)}</vendor>")
    for policy, chosen in (
        ("require", wanted - (model.own_features or frozenset())),
        ("disable", model.disabled),
    ):
        lines += (
            f"  <feature policy='{policy}' name='{_escaped(name)}'/>" for name in names(chosen)
        )
    return "\n".join([*lines, "</cpu>", ""])


def _escaped(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&apos;")):
        text = text.replace(character, entity)
    return text
