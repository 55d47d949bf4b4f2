"""How a fact is declared."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vmfit.v1.finding_pb2 import Consequence
from vmfit.v1.options_pb2 import Volatility
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.field_path import AgesAs, FieldPath, field_path
from vmfit_comparator.evaluation.result import Result

Check = Callable[[Case], Result]


@dataclass(frozen=True, slots=True)
class Fact:
    """One question about a migration. The evaluator enforces what it declares."""

    id: str
    question: str
    consequence: Consequence.ValueType
    applies_if: tuple[FieldPath, ...]
    """At least one must be set (a list not empty, a flag true); empty: the fact always applies."""
    reads: tuple[FieldPath, ...]
    """All must be set, or the answer is NO_IDEA naming those that are not."""
    also_reads: tuple[FieldPath, ...]
    """Taken into account when set; the function tests their presence itself."""
    check: Check
    user_defined: bool = False
    text: str = ""
    """The rule and its source, as Markdown, for a fact that is not a Python function."""
    inputs: tuple[FieldPath, ...] = field(init=False, compare=False)
    """What it reads, then what it also reads."""
    ageing: tuple[FieldPath, ...] = field(init=False, compare=False)
    """The first of those inputs that age alike: of one part, and of one volatility."""

    def __post_init__(self) -> None:
        """Work out what every evaluation needs."""
        inputs = (*self.reads, *self.also_reads)
        alike: dict[AgesAs, FieldPath] = {}
        for path in inputs:
            alike.setdefault(path.ages_as, path)
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "ageing", tuple(alike.values()))

    @property
    def description(self) -> str:
        """The rule and its source, as Markdown."""
        return self.text or self.check.__doc__ or ""

    @property
    def volatility(self) -> Volatility.ValueType:
        """How soon the fastest-changing input can change."""
        return max(
            (path.volatility for path in self.ageing),
            default=Volatility.VOLATILITY_STATIC,
        )


def fact(
    id: str,  # noqa: A002 -- the catalogue's word
    *,
    question: str,
    reads: tuple[str, ...] = (),
    also_reads: tuple[str, ...] = (),
    applies_if: tuple[str, ...] = (),
    consequence: Consequence.ValueType = Consequence.CONSEQUENCE_FAILS,
) -> Callable[[Check], Fact]:
    """Declare the decorated function as a fact; ValueError for a path the contract lacks."""

    def declare(check: Check) -> Fact:
        return Fact(
            id=id,
            question=question,
            consequence=consequence,
            applies_if=tuple(map(field_path, applies_if)),
            reads=tuple(map(field_path, reads)),
            also_reads=tuple(map(field_path, also_reads)),
            check=check,
        )

    return declare
