"""What facts ask about one by one: disks, NICs, TPMs. None is lost, whatever they are called."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.once import once

Subject = TypeVar("Subject")
Found = Iterable[tuple[str, Subject]]


@dataclass(frozen=True, slots=True)
class Subjects(Generic[Subject]):
    """A kind of subjects; `noun` is what people call one."""

    noun: str
    find: Callable[[Case], tuple[tuple[str, Subject], ...]]
    """Every subject with its name, in the definition's order; no two have one name."""


def subjects(noun: str) -> Callable[[Callable[[Case], Found[Subject]]], Subjects[Subject]]:
    """Make subjects of what the decorated function yields: (name, subject).

    The name is what a person knows it by (a disk's target, a MAC address), empty where nothing
    like that is given. It need not be unique.
    """

    def declare(function: Callable[[Case], Found[Subject]]) -> Subjects[Subject]:
        @once
        def find(case: Case) -> tuple[tuple[str, Subject], ...]:
            return tuple(_distinct((noun, *each) for each in function(case)))

        return Subjects(noun, find)

    return declare


def found(kinds: tuple[Subjects[Subject], ...], case: Case) -> tuple[tuple[str, Subject], ...]:
    """Return the subjects of one or several kinds, each with a name of its own."""
    return kinds[0].find(case) if len(kinds) == 1 else _together(kinds, case)


@once
def _together(kinds: tuple[Subjects[Subject], ...], case: Case) -> tuple[tuple[str, Subject], ...]:
    return tuple(_distinct((kind.noun, *each) for kind in kinds for each in kind.find(case)))


def _distinct(named: Iterable[tuple[str, str, Subject]]) -> Iterator[tuple[str, Subject]]:
    """Yield the subjects by names that tell them apart: "vda", "NIC 2", "vda (disk 3)"."""
    places: Counter[str] = Counter()
    taken: set[str] = set()
    for noun, name, subject in named:
        places[noun] += 1
        numbered = f"{noun} {places[noun]}"
        chosen = name or numbered
        while chosen in taken:
            chosen = f"{chosen} ({numbered})"
        taken.add(chosen)
        yield chosen, subject
