"""What is known of one fact's answers for one VM: by groups of hosts that are alike."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vmfit_comparator.fleet.outcomes import Ids

Groups = NDArray[np.int64]
Numbers = NDArray[np.float64]
Ask = Callable[[int], int]
"""Gives the outcome of a place in the rows that are asked about."""

_UNKNOWN = -1
_MAX_GROUPS = 1 << 20


class Table:
    """Outcomes by group."""

    def __init__(self) -> None:
        self._groups = np.zeros(0, np.int64)
        self._ids = np.zeros(0, np.int32)

    def ids(self, groups: Groups, ask: Ask) -> Ids:
        """Return the outcome of each row; of every group that is not known one is asked."""
        found = self._known(groups)
        missing = np.nonzero(found == _UNKNOWN)[0]
        if len(missing):
            new, first = np.unique(groups[missing], return_index=True)
            told = np.array([ask(place) for place in missing[first].tolist()], np.int32)
            if len(self._groups) > _MAX_GROUPS:
                # Most of them no host has any more.
                self._groups, self._ids = self._groups[:0], self._ids[:0]
                return self.ids(groups, ask)
            self._add(new, told)
            found = self._known(groups)
        return found

    def _known(self, groups: Groups) -> Ids:
        if not len(self._groups):
            return np.full(len(groups), _UNKNOWN, np.int32)
        if len(self._groups) == 1:
            return np.where(groups == self._groups[0], self._ids[0], _UNKNOWN).astype(np.int32)
        places = np.searchsorted(self._groups, groups)
        places[places == len(self._groups)] = 0
        return np.where(self._groups[places] == groups, self._ids[places], _UNKNOWN)

    def _add(self, groups: Groups, ids: Ids) -> None:
        together = np.concatenate([self._groups, groups])
        order = np.argsort(together, kind="stable")
        self._groups = together[order]
        self._ids = np.concatenate([self._ids, ids])[order]


class Thresholds:
    """Outcomes by group, and by a number along which they go one way."""

    def __init__(self) -> None:
        self._points: dict[int, tuple[Numbers, Ids]] = {}

    def ids(self, groups: Groups, numbers: Numbers, ask: Ask) -> Ids:
        """Return the outcome of each row; what lies between equal ones is as they are."""
        found = np.empty(len(groups), np.int32)
        for group in np.unique(groups).tolist():
            places = np.nonzero(groups == group)[0]
            found[places] = self._in_group(group, numbers[places], lambda at: ask(places[at]))  # noqa: B023 -- called at once
        return found

    def _in_group(self, group: int, numbers: Numbers, ask: Ask) -> Ids:
        while True:
            points, ids = self._points.get(group, (np.zeros(0), np.zeros(0, np.int32)))
            found = _between(points, ids, numbers)
            missing = np.nonzero(found == _UNKNOWN)[0]
            if not len(missing):
                return found
            order = missing[np.argsort(numbers[missing], kind="stable")]
            chosen = {int(order[0]), int(order[len(order) // 2]), int(order[-1])}
            for each in chosen:
                where = int(np.searchsorted(points, numbers[each]))
                if where < len(points) and points[where] == numbers[each]:
                    continue
                points = np.insert(points, where, numbers[each])
                ids = np.insert(ids, where, ask(each))
            self._points[group] = points, ids


def _between(points: Numbers, ids: Ids, numbers: Numbers) -> Ids:
    if not len(points):
        return np.full(len(numbers), _UNKNOWN, np.int32)
    above = np.searchsorted(points, numbers)
    inside = np.minimum(above, len(points) - 1)
    below = np.maximum(above - 1, 0)
    exact = points[inside] == numbers
    same = (ids[inside] == ids[below]) & (above > 0) & (above < len(points))
    return np.where(exact | same, ids[inside], _UNKNOWN).astype(np.int32)
