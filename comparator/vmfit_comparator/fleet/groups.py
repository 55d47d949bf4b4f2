"""Which hosts are alike for each fact, as numbers."""

from collections.abc import Mapping
from itertools import count

import numpy as np
from numpy.typing import NDArray

from vmfit_comparator.fleet.columns import Codes

_KEPT = 1024


class Groups:
    """The groups of one fact, by the columns that it reads."""

    def __init__(self, places: NDArray[np.int64]) -> None:
        self._places = places
        self._numbers: dict[bytes, int] = {}
        self._next = count()
        self.of_row = np.zeros(0, np.int64)
        """Each host's group; only those of `rows` that were noted count."""

    def note(self, rows: NDArray[np.int64], codes: Codes) -> None:
        """Take note of what some rows of all codes have become."""
        if len(self.of_row) < len(codes):
            self.of_row = np.concatenate(
                [self.of_row, np.zeros(len(codes) - len(self.of_row), np.int64)]
            )
        own = np.ascontiguousarray(codes[np.ix_(rows, self._places)])
        for row, key in zip(rows.tolist(), map(bytes, own), strict=True):
            number = self._numbers.get(key)
            if number is None:
                number = self._numbers[key] = next(self._next)
            self.of_row[row] = number
        if len(self._numbers) > _KEPT + 4 * len(codes):
            live = set(self.of_row.tolist())
            self._numbers = {key: each for key, each in self._numbers.items() if each in live}


def groups(of_fact: Mapping[str, NDArray[np.int64]]) -> dict[str, Groups]:
    """Return the groups of facts; those that read the same have them in common."""
    shared: dict[bytes, Groups] = {}
    return {
        fact: shared.setdefault(places.tobytes(), Groups(places))
        for fact, places in of_fact.items()
    }
