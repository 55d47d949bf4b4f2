"""What the hosts' values are, as numbers: one column for each input that facts read of a host."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import FieldPath
from vmfit_comparator.evaluation.rests_on import digest_at
from vmfit_comparator.fleet.shapes import wording
from vmfit_comparator.fleet.stored import StoredSnapshot

_KEPT = 1024
Codes = NDArray[np.int32]


class Column:
    """One input of facts: the same number where hosts have the same."""

    def __init__(self, part: str, seen: Callable[[Snapshot], Hashable]) -> None:
        self.part = part
        self._seen = seen
        self._codes: dict[Hashable, int] = {}
        self._next = 0

    def code(self, destination: Snapshot) -> int:
        """Return the number of what a host has."""
        seen = self._seen(destination)
        if seen not in self._codes:
            self._codes[seen] = self._next
            self._next += 1
        return self._codes[seen]

    def forget_all_but(self, codes: NDArray[np.int32]) -> None:
        """Drop what no host has any more, if that is most; no number is given twice."""
        if len(self._codes) > _KEPT + 4 * len(codes):
            live = set(codes.tolist())
            self._codes = {seen: code for seen, code in self._codes.items() if code in live}


class Columns:
    """The columns of some facts, filled host by host."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._columns: list[Column] = []
        self._places: dict[Hashable, int] = {}
        self.of_fact = {each.id: np.array(self._of(each), np.int64) for each in facts}
        """Where in a host's row the columns of a fact are."""
        self._by_part: dict[str, list[int]] = {}
        for place, column in enumerate(self._columns):
            self._by_part.setdefault(column.part, []).append(place)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._columns)

    def row(self, stored: StoredSnapshot, snapshot: Snapshot) -> Codes:
        """Return a host's numbers, by column. A part that another host has is not read again."""
        row = np.zeros(len(self._columns), np.int32)
        for part, places in self._by_part.items():
            row[places] = self._of_part(part, places, stored, snapshot)
        return row

    def forget_all_but(self, rows: Codes) -> None:
        """Drop what none of the rows has."""
        for place, column in enumerate(self._columns):
            column.forget_all_but(rows[:, place])

    def _of_part(
        self, part: str, places: Sequence[int], stored: StoredSnapshot, snapshot: Snapshot
    ) -> tuple[int, ...]:
        held = stored.parts.get(part)
        if held is None or held.codes is None:
            codes = tuple([self._columns[place].code(snapshot) for place in places])
            if held is None:
                return codes
            held.codes = codes
        return held.codes

    def _of(self, fact: Fact) -> list[int]:
        grouping = fact.grouping
        apart = {*grouping.replaced, *(each.path for each in wording(fact).singles)}
        whole = [
            each for each in fact.values if each.root == "destination" and each.text not in apart
        ]
        columns: dict[Hashable, Column] = {
            each: Column(each.part or "", partial(digest_at, each)) for each in whole
        }
        for each in fact.needs:
            if each.root == "destination" and each not in columns:
                columns[each, "is set"] = Column(each.part or "", partial(_is_set, each))
        if grouping.seen_as is not None:
            columns[grouping.seen_as] = Column("", grouping.seen_as)
        return [self._place(key, column) for key, column in columns.items()]

    def _place(self, key: Hashable, column: Column) -> int:
        if key not in self._places:
            self._places[key] = len(self._columns)
            self._columns.append(column)
        return self._places[key]


def _is_set(path: FieldPath, destination: Snapshot) -> bool:
    case: Any = SimpleNamespace(destination=destination)
    return path.missing(case) is None
