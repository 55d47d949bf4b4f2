"""What the hosts' values are, as numbers: one column for each input that facts read of a host."""

from collections.abc import Hashable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import FieldPath
from vmfit_comparator.evaluation.rests_on import digest_at
from vmfit_comparator.fleet.stored import StoredSnapshot

_KEPT = 1024
Codes = NDArray[np.int32]


class Column:
    """One input of facts: the same number where hosts have the same."""

    def __init__(self, path: FieldPath, fact: Fact | None = None, *, is_set: bool = False) -> None:
        self.path = path
        self._seen_as = fact.grouping.seen_as[path.text] if fact is not None else None
        self._is_set = is_set
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

    def _seen(self, destination: Snapshot) -> Hashable:
        case: Any = SimpleNamespace(destination=destination)
        if self._is_set:
            return self.path.missing(case) is None
        if self._seen_as is None:
            return digest_at(self.path, destination)
        values = self.path.values(case)
        return None if values is None else (self._seen_as(values),)


class Columns:
    """The columns of some facts, filled host by host."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._columns: list[Column] = []
        self._places: dict[Hashable, int] = {}
        self.of_fact = {each.id: np.array(self._of(each), np.int64) for each in facts}
        """Where in a host's row the columns of a fact are."""
        self._by_part: dict[str, list[int]] = {}
        for place, column in enumerate(self._columns):
            self._by_part.setdefault(column.path.part or "", []).append(place)

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
        read = [each for each in fact.values if each.root == "destination"]
        columns: dict[Hashable, Column] = {}
        for each in read:
            if each not in grouping.replaced:
                columns[each] = Column(each)
            elif each.text in grouping.seen_as:
                columns[each, grouping.seen_as[each.text]] = Column(each, fact)
        for each in fact.needs:
            if each.root == "destination" and each not in columns:
                columns[each, "is set"] = Column(each, is_set=True)
        return [self._place(key, column) for key, column in columns.items()]

    def _place(self, key: Hashable, column: Column) -> int:
        if key not in self._places:
            self._places[key] = len(self._columns)
            self._columns.append(column)
        return self._places[key]
