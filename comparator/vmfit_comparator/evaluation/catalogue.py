"""The catalogue of facts: found file by file, and as the contract describes it."""

import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from types import MappingProxyType, ModuleType

from vmfit.v1.comparator_service_pb2 import ListFactsResponse
from vmfit.v1.finding_pb2 import FactDescription
from vmfit.v1.policy_pb2 import Freshness
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import FieldPath, field_path
from vmfit_comparator.evaluation.freshness import bounds_of

_OPPOSITE = {"source": "destination", "destination": "source", "incoming": "vm"}
# What of the way back is known only when it is gone.
_NEVER_ASKED = ("probes", "clock")


class CatalogueError(ValueError):
    """What is wrong with a package of facts."""


@dataclass(frozen=True, slots=True)
class FactModule:
    """A file of one fact, not loaded yet."""

    name: str

    def fact(self) -> Fact:
        """Load it; CatalogueError for a file without a fact of its own, or with several."""
        return fact_of(import_module(self.name))


def modules_below(package: str) -> Iterator[FactModule]:
    """Yield the files AREA/NAME.py below a package, by their names."""
    for area in _names_below(import_module(package)):
        yield from map(FactModule, _names_below(import_module(area)))


def facts_below(package: str) -> Iterator[Fact]:
    """Yield the fact of every file below a package; CatalogueError as by FactModule."""
    return (module.fact() for module in modules_below(package))


def _names_below(package: ModuleType) -> list[str]:
    if not hasattr(package, "__path__"):
        raise CatalogueError(f"{package.__name__} is a file, and facts are files AREA/NAME.py")
    found = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    return sorted(each.name for each in found)


def fact_of(module: ModuleType) -> Fact:
    """Return the one fact that a module declares, with all that it reads."""
    name = module.__name__
    declared = [
        each
        for each in vars(module).values()
        if isinstance(each, Fact) and each.check.__module__ == name
    ]
    if len(declared) != 1:
        raise CatalogueError(f"{name} declares {len(declared)} facts, not one")
    return declared[0].derived()


def catalogue(
    facts: Iterable[Fact], areas: Sequence[str] = (), beside: Mapping[str, Fact] | None = None
) -> Mapping[str, Fact]:
    """Return the facts by id, `areas` first; CatalogueError for a repeated id.

    They may ask those about the way back that are `beside` them.
    """
    by_id: dict[str, Fact] = {}
    for each in facts:
        if each.id in by_id:
            raise CatalogueError(f"fact {each.id} is declared twice")
        by_id[each.id] = each
    places = {area: place for place, area in enumerate(areas)}
    ids = sorted(by_id, key=lambda each: places.get(each.partition(".")[0], len(places)))
    known = {**(beside or {}), **by_id}
    return MappingProxyType({each: _bound(by_id[each], known) for each in ids})


def _bound(fact: Fact, by_id: Mapping[str, Fact]) -> Fact:
    """Return a fact that has those at hand which it asks about the way back."""
    if not fact.way_back:
        return fact
    asked = tuple(by_id[each] for each in fact.way_back)
    check = partial(fact.check, asked)
    read = [path for each in asked for path in each.every_input]
    # Hundreds: what of them counts is in the reasons.
    chooses = dict.fromkeys(each for each in map(_opposite, read) if each.root not in _NEVER_ASKED)
    return replace(fact, check=check, chooses=tuple(chooses))


def _opposite(path: FieldPath) -> FieldPath:
    root, dot, rest = path.text.partition(".")
    return field_path(f"{_OPPOSITE.get(root, root)}{dot}{rest}")


def describe_facts(facts: Iterable[Fact], freshness: Freshness) -> ListFactsResponse:
    """Return one row per fact, in the order given; `freshness` says for how long inputs count."""
    bounds = bounds_of(freshness)
    rows = []
    for fact in facts:
        applicability = fact.applicability
        row = FactDescription(
            id=fact.id,
            question=fact.question,
            consequence=fact.consequence,
            reads=[path.text for path in fact.needs],
            applies_if=[path.text for path in applicability.any_of],
            also_reads=[path.text for path in fact.inputs[len(fact.needs) :]],
            volatility=fact.volatility,
            description=inspect.cleandoc(fact.description),
            user_defined=fact.user_defined,
            subjects=[each.noun for each in fact.each],
            hypervisors=applicability.hypervisors,
            architectures=applicability.architectures,
            offline=applicability.offline,
        )
        if fact.volatility in bounds:
            row.fresh_for.FromNanoseconds(int(bounds[fact.volatility].fresh_seconds * 1e9))
        rows.append(row)
    return ListFactsResponse(facts=rows)
