"""The facts that are installed: the built-in ones, and those of other distributions.

A distribution adds facts by an entry point of the group `vmfit.facts`, whose value is a package of
files AREA/NAME.py, as `vmfit_comparator.facts` is one.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from vmfit_comparator.evaluation.catalogue import CatalogueError, catalogue, modules_below
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.facts import AREAS, BUILT_IN

GROUP = "vmfit.facts"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InstalledFacts:
    """What was found."""

    facts: Mapping[str, Fact]
    """By id; the built-in ones first, in the order in which people read them."""
    sources: Mapping[str, str]
    """The distributions of those that are not built in, by id: "acme-facts 1.2"."""
    problems: tuple[str, ...]
    """Why files or packages are left out, each with its distribution."""


@cache
def installed_facts() -> InstalledFacts:
    """Return all facts that can be asked; what is wrong with a distribution costs its own file."""
    found = dict(BUILT_IN)
    others: list[Fact] = []
    sources: dict[str, str] = {}
    problems: list[str] = []
    # Which of two comes first must not depend on where they are installed.
    for point in sorted(entry_points(group=GROUP), key=lambda each: (_source(each), each.value)):
        for fact in _facts_of(point, problems):
            if why := _unusable(fact, found, sources):
                problems.append(f"{_source(point)}: {fact.check.__module__}: {why}")
                continue
            found[fact.id] = fact
            others.append(fact)
            sources[fact.id] = _source(point)
    for each in problems:
        _LOG.warning("%s", each)
    facts = {**BUILT_IN, **catalogue(others, AREAS, beside=BUILT_IN)}
    return InstalledFacts(MappingProxyType(facts), sources, tuple(problems))


def _facts_of(point: EntryPoint, problems: list[str]) -> Iterator[Fact]:
    """Yield the facts of an entry point's files; add what is wrong with the others."""
    try:
        modules = list(modules_below(point.value))
    except Exception as error:  # noqa: BLE001 -- the boundary: others' code
        problems.append(f"{_source(point)}: {point.value}: {_text(error)}")
        return
    for module in modules:
        try:
            yield module.fact()
        except Exception as error:  # noqa: BLE001 -- as above
            problems.append(f"{_source(point)}: {module.name}: {_text(error)}")


def _unusable(fact: Fact, found: Mapping[str, Fact], sources: Mapping[str, str]) -> str:
    """Return why a fact cannot be asked beside those that were found; empty where it can."""
    if fact.id in found:
        return f"fact {fact.id} is one of {sources.get(fact.id, 'vmfit itself')} already"
    if unknown := [each for each in fact.way_back if each not in found]:
        return f"it asks about the way back by facts that are not there: {', '.join(unknown)}"
    if not fact.question.endswith("?"):
        return "its docstring is no question"
    return ""


def _source(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.name


def _text(error: Exception) -> str:
    return str(error) if isinstance(error, CatalogueError) else f"{type(error).__name__}: {error}"
