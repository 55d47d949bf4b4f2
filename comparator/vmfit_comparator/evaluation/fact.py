"""How a fact is declared."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from vmfit.v1.finding_pb2 import Consequence
from vmfit.v1.options_pb2 import Volatility
from vmfit_comparator.evaluation.applicability import ANY, Applicability
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.field_path import AgesAs, FieldPath, field_path
from vmfit_comparator.evaluation.grouping import EXACT, Grouping
from vmfit_comparator.evaluation.reads import choices_of, equal_of, reads_of
from vmfit_comparator.evaluation.result import Result, joined, not_applicable
from vmfit_comparator.evaluation.subjects import Subjects, found

Check = Callable[..., Result | None]
"""Of a case; of a subject and a case where the fact asks about each of several, and then None
says that it is not about this one."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One question about a case. The evaluator enforces what it declares."""

    id: str
    question: str
    check: Check
    consequence: Consequence.ValueType = Consequence.CONSEQUENCE_FAILS
    applicability: Applicability = ANY
    each: tuple[Subjects[Any], ...] = ()
    """What it asks about one by one; empty: it asks about the case as a whole."""
    needs: tuple[FieldPath, ...] = ()
    """All must be set, or the answer is NO_IDEA naming those that are not. Of a part as a whole
    ("destination.security") only that it is there, unless `reads` has it too."""
    reads: tuple[FieldPath, ...] = ()
    """What else counts: of its function, and, once `derived`, of all that this uses."""
    chooses: tuple[FieldPath, ...] = ()
    """What merely decides which of several things count: no evidence for people."""
    tells_subjects: tuple[FieldPath, ...] = ()
    """What of the hosts tells which subjects there are, once `derived`."""
    way_back: tuple[str, ...] = ()
    """Ids of facts that it asks about the way back: the catalogue gives them to its function,
    before the case."""
    description: str = ""
    """The rule and its source, as Markdown."""
    user_defined: bool = False
    grouping: Grouping = EXACT
    """Which hosts are alike for it."""
    equal: tuple[FieldPath, ...] = ()
    """Texts of the destination that count by equality alone, once `derived`."""
    inputs: tuple[FieldPath, ...] = field(init=False, compare=False)
    """What it needs, then what it reads beside, then what it chooses by."""
    shown: tuple[FieldPath, ...] = field(init=False, compare=False)
    """Those of the inputs that are evidence."""
    values: tuple[FieldPath, ...] = field(init=False, compare=False)
    """All whose values its answer rests on, and whether it applies: `every_input` without the parts
    of which it only needs to know that they are there."""
    ageing: tuple[FieldPath, ...] = field(init=False, compare=False)
    """The first of those inputs that age alike: of one part, and of one volatility."""

    def __post_init__(self) -> None:
        """Work out what every evaluation needs."""
        shown = tuple(dict.fromkeys((*self.needs, *self.reads)))
        inputs = tuple(dict.fromkeys((*shown, *self.chooses)))
        alike: dict[AgesAs, FieldPath] = {}
        for path in inputs:
            alike.setdefault(path.ages_as, path)
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "shown", shown)
        parts = {each for each in self.needs if each.is_part and each not in self.reads}
        values = tuple(each for each in self.every_input if each not in parts)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "ageing", tuple(alike.values()))

    @property
    def every_input(self) -> tuple[FieldPath, ...]:
        """All that its answer rests on, and whether it applies."""
        return tuple(dict.fromkeys((*self.applicability.reads, *self.inputs)))

    @property
    def volatility(self) -> Volatility.ValueType:
        """How soon the fastest-changing input can change."""
        return max(
            (path.volatility for path in self.ageing),
            default=Volatility.VOLATILITY_STATIC,
        )

    def derived(self) -> "Fact":
        """Return the same fact with the reads of all that its function uses.

        This is known only once the function's module is loaded to its end.
        """
        finds = [kind.find for kind in self.each]
        tells = (*reads_of(*finds), *choices_of(*finds))
        return replace(
            self,
            reads=tuple(dict.fromkeys((*self.reads, *reads_of(self.check, *finds)))),
            chooses=choices_of(self.check, *finds),
            equal=equal_of(self.check, *finds),
            tells_subjects=tuple(each for each in tells if each.part),
        )

    def result(self, case: Case) -> Result:
        """Return what the fact says of a case that it applies to and that has what it needs."""
        if not self.each:
            whole = self.check(case)
            assert whole is not None
            return whole
        results: dict[str, Result] = {}
        for name, subject in found(self.each, case):
            result = self.check(subject, case)
            if result is not None:
                results[name] = result
        if results:
            return joined(results)
        nouns = " or ".join(each.noun for each in self.each)
        return not_applicable(f"does not apply to any {nouns}")


Words = str | tuple[str, ...]
"""One or several."""


def fact(
    *,
    each: Subjects[Any] | tuple[Subjects[Any], ...] = (),
    needs: Words = (),
    reads: Words = (),
    applies_if: Words = (),
    hypervisors: Words = (),
    architectures: Words = (),
    offline: bool = False,
    way_back: tuple[str, ...] = (),
    consequence: Consequence.ValueType = Consequence.CONSEQUENCE_FAILS,
    grouping: Grouping = EXACT,
) -> Callable[[Check], Fact]:
    """Declare the decorated function as the fact of its file.

    Its id is the file's place, AREA/NAME.py; the file's docstring is its question, the function's
    its rule. `reads` are those of the function itself: what it uses declares its own. ValueError
    for a path that the contract lacks.
    """
    kinds = each if isinstance(each, tuple) else (each,)
    applicability = Applicability(
        _tuple(hypervisors), _tuple(architectures), offline, _paths(applies_if)
    )

    def declare(check: Check) -> Fact:
        area, _, name = check.__module__.rpartition(".")
        return Fact(
            id=f"{area.rpartition('.')[2].rstrip('_')}.{name.rstrip('_')}",
            question=sys.modules[check.__module__].__doc__ or "",
            check=check,
            consequence=consequence,
            applicability=applicability,
            each=kinds,
            needs=_paths(needs),
            reads=_paths(reads),
            way_back=way_back,
            grouping=grouping,
            description=check.__doc__ or "",
        )

    return declare


def _tuple(words: Words) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else words


def _paths(texts: Words) -> tuple[FieldPath, ...]:
    return tuple(map(field_path, _tuple(texts)))
