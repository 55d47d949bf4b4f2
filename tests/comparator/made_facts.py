"""Facts that tests make up: in no catalogue, and of any id."""

from collections.abc import Callable
from typing import Any

from vmfit_comparator.evaluation.applicability import Applicability
from vmfit_comparator.evaluation.fact import Check, Fact
from vmfit_comparator.evaluation.field_path import field_path


def made(
    name: str,
    *,
    needs: tuple[str, ...] = (),
    reads: tuple[str, ...] = (),
    applies_if: tuple[str, ...] = (),
    each: tuple[Any, ...] = (),
    **applicability: Any,
) -> Callable[[Check], Fact]:
    """Make a fact of the decorated function, whose docstring is its rule."""

    def declare(check: Check) -> Fact:
        any_of = tuple(map(field_path, applies_if))
        return Fact(
            id=name,
            question="?",
            check=check,
            applicability=Applicability(any_of=any_of, **{"offline": True, **applicability}),
            each=each,
            needs=tuple(map(field_path, needs)),
            reads=tuple(map(field_path, reads)),
            description=check.__doc__ or "",
        ).derived()

    return declare
