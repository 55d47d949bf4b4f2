"""The hosts of a fleet, with the columns over them."""

import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.part_volatility import PART_VOLATILITY
from vmfit_comparator.fleet.columns import Columns
from vmfit_comparator.fleet.groups import groups
from vmfit_comparator.fleet.names import Names
from vmfit_comparator.fleet.shapes import wording
from vmfit_comparator.fleet.stored import StoredParts, StoredSnapshot
from vmfit_contract.part_age import part_age_seconds

_PRUNED_EVERY = 4096


@dataclass(frozen=True, slots=True)
class FleetHost:
    """What is known of one host."""

    name: str
    stored: StoredSnapshot
    received: float
    """When its snapshot held, by the clock of whoever asks."""
    clock_offset_seconds: float | None = None
    """Its clock minus the comparator's; None for one that nobody measured."""
    clock_uncertainty_seconds: float = 0.0
    error: str = ""
    """Why its agent does not answer now."""
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Hosts:
    """The hosts, each in a row of its own. Who changes or reads several things holds `lock`."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.facts = {each.id: each for each in facts if not each.user_defined}
        self.lock = threading.RLock()
        self.columns = Columns(self.facts.values())
        self.groups = groups(self.columns.of_fact)
        self.wordings = {each.id: wording(each) for each in self.facts.values()}
        self.names = {each: Names(each) for each in self.wordings.values() if each.singles}
        self._singles = {each for names in self.names for each in names.singles}
        self.parts = tuple(PART_VOLATILITY)
        self.rows: list[FleetHost | None] = []
        self.row_of: dict[str, int] = {}
        self.version = 0
        self._stored = StoredParts()
        self._codes = np.zeros((0, len(self.columns)), np.int32)
        self.changed = np.zeros(0, np.int64)
        """By row, the version in which it changed last."""
        self.ages = np.zeros((0, len(self.parts)))
        """By row and part, the age when the snapshot held; NaN where the part tells none."""
        self.times = np.zeros((0, 4))
        """By row: when the snapshot held, the clock's offset (NaN where nobody measured it) and
        uncertainty, and whether there is an error."""
        self.numbers: dict[str, NDArray[np.float64]] = {}
        """By fact and row, the number of its grouping."""
        self._number_facts = [each for each in self.facts.values() if each.grouping.number]
        self._dirty: set[int] = set()

    def put(
        self,
        name: str,
        snapshot: Snapshot,
        received: float,
        *,
        clock: tuple[float | None, float] = (None, 0.0),
        error: str = "",
        labels: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Take in what a host says of itself now."""
        stored = self._stored.store(snapshot)
        host = FleetHost(name, stored, received, *clock, error, labels)
        with self.lock:
            row = self.row_of.get(name)
            if row is None:
                row = self.row_of[name] = self._new_row()
            self.rows[row] = host
            self._codes[row] = self.columns.row(stored, snapshot)
            self.ages[row] = _ages(snapshot, self.parts)
            offset = math.nan if clock[0] is None else clock[0]
            self.times[row] = received, offset, clock[1], bool(error)
            shapes = {each: stored.shape(each, snapshot) for each in self._singles}
            for names in self.names.values():
                names.note(row, shapes)
            for each in self._number_facts:
                assert each.grouping.number is not None
                self.numbers[each.id][row] = each.grouping.number(snapshot)
            self._note(row)

    def remove(self, name: str) -> None:
        """Forget a host."""
        with self.lock:
            row = self.row_of.pop(name, None)
            if row is not None:
                self.rows[row] = None
                for names in self.names.values():
                    names.forget(row)
                self._note(row)

    def settle(self) -> None:
        """Bring the groups up to what the rows are. With the lock held."""
        if not self._dirty:
            return
        rows = np.array(sorted(each for each in self._dirty if self.rows[each]), np.int64)
        for each in {id(each): each for each in self.groups.values()}.values():
            each.note(rows, self._codes)
        self._dirty.clear()

    def _note(self, row: int) -> None:
        self.version += 1
        self.changed[row] = self.version
        self._dirty.add(row)
        if self.version % _PRUNED_EVERY == 0:
            self.columns.forget_all_but(self._codes[list(self.row_of.values())])

    def _new_row(self) -> int:
        for row, host in enumerate(self.rows) if len(self.row_of) < len(self.rows) else ():
            if host is None:
                return row
        self.rows.append(None)
        if len(self.rows) > len(self._codes):
            size = max(16, 2 * len(self._codes))
            self._codes = _grown(self._codes, size)
            self.changed = _grown(self.changed, size)
            self.ages = _grown(self.ages, size)
            self.times = _grown(self.times, size)
            for each in self._number_facts:
                known = self.numbers.get(each.id, np.zeros(0))
                self.numbers[each.id] = _grown(known, size)
        return len(self.rows) - 1


def _grown(array: NDArray, size: int) -> NDArray:  # type: ignore[type-arg]
    grown = np.zeros((size, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def _ages(snapshot: Snapshot, parts: Iterable[str]) -> list[float]:
    found: dict[str, float] = {}
    for status in snapshot.parts:
        age = part_age_seconds(status, snapshot.taken_at)
        found[status.name] = math.nan if age is None else age
    return [found.get(each, math.nan) for each in parts]
