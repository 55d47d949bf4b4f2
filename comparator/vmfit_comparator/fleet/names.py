"""The names that hosts have, beside those that a case has: which are equal."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_interface
from itertools import count
from typing import Any

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.fleet.shapes import Address, Shape, Single, Wording, together

# What a text of the case, a URI above all, can have of a host's name or address in it.
_TOKEN = re.compile(r"[\w.:%-]+")
_WORD = re.compile(r"[\w.]+")
Network = IPv4Network | IPv6Network
_KEPT = 1024
_NO_SHAPE = Shape((), [], [])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the names of hosts are compared with."""

    texts: frozenset[str]
    """In small letters."""
    networks: tuple[Network, ...]


def wanted(fact: Fact, case: Case) -> Wanted:
    """Return what the names that a fact reads of a destination are compared with in a case."""
    texts: set[str] = set()
    networks: dict[Network, None] = {}
    for path in fact.values:
        if path.root != "destination":
            for text in _texts(path.values(case) or []):
                texts.update(_tokens(text.lower()))
                networks.update(dict.fromkeys(_networks(text)))
    return Wanted(frozenset(texts), tuple(networks))


class Names:
    """The shapes of all hosts in one wording, and who has which name."""

    def __init__(self, wording: Wording) -> None:
        self._singles = wording.singles
        self._shapes: list[Shape] = []
        self._holders: dict[str, dict[int, int]] = {}

    def note(self, row: int, shapes: Mapping[Single, Shape]) -> None:
        """Take note of what a host has."""
        while len(self._shapes) <= row:
            self._shapes.append(_NO_SHAPE)
        self.forget(row)
        self._shapes[row] = found = together([shapes[each] for each in self._singles])
        for place, name in enumerate(found.names):
            self._holders.setdefault(name.lower(), {})[row] = place

    def forget(self, row: int) -> None:
        """Take note that a host is gone."""
        for name in self._shapes[row].names if row < len(self._shapes) else ():
            holders = self._holders.get(name.lower(), {})
            holders.pop(row, None)
            if not holders:
                self._holders.pop(name.lower(), None)

    def seen(self, rows: Iterable[int], wanted: Wanted) -> list[tuple[object, ...]]:
        """Return, row by row, what the names amount to: equal where they count alike."""
        matches: dict[int, list[object]] = {row: [] for row in rows}
        for text in sorted(wanted.texts & self._holders.keys()):
            for row in self._holders[text].keys() & matches.keys():
                names = self._shapes[row].names
                matches[row] += [
                    (place, name) for place, name in enumerate(names) if name.lower() == text
                ]
        inside = _Inside(wanted.networks)
        return [
            (
                found.form,
                tuple(matched),
                tuple([(at, inside[each]) for at, each in found.addresses]),
            )
            for row, matched in matches.items()
            for found in (self._shapes[row],)
        ]


class _Inside(dict[Address, tuple[int, ...]]):
    """In which of some networks addresses are."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        super().__init__()
        self._networks = [
            (place, each.version, int(each.netmask), int(each.network_address))
            for place, each in enumerate(networks)
        ]

    def __missing__(self, address: Address) -> tuple[int, ...]:
        version, number = address.version, int(address)
        return tuple(
            [
                place
                for place, other, mask, network in self._networks
                if other == version and number & mask == network
            ]
        )


class NameCodes:
    """Numbers for what hosts' names amount to beside one source and VM."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._numbers: dict[tuple[object, ...], int] = {}
        self._next = count()
        self._codes = np.zeros(0, np.int64)
        self._version = 0

    def of(
        self, rows: NDArray[np.int64], names: Names, changed: NDArray[np.int64], version: int
    ) -> NDArray[np.int64]:
        """Return the numbers of rows. `changed` tells in which version every row did last."""
        if self._version != version:
            grown = np.zeros(max(len(changed), len(self._codes)), np.int64)
            grown[: len(self._codes)] = self._codes
            self._codes = grown
            new = np.nonzero(changed > self._version)[0].tolist()
            for row, each in zip(new, names.seen(new, self._wanted), strict=True):
                number = self._numbers.get(each)
                if number is None:
                    number = self._numbers[each] = next(self._next)
                self._codes[row] = number
            if len(self._numbers) > _KEPT + 4 * len(changed):
                live = set(self._codes.tolist())
                self._numbers = {each: code for each, code in self._numbers.items() if code in live}
            self._version = version
        return self._codes[rows]


def _tokens(text: str) -> Iterable[str]:
    yield text
    yield from _WORD.findall(text)
    for each in _TOKEN.findall(text):
        yield each
        yield each.partition(":")[0]
        yield from each.rpartition(":")[::2]


def _networks(text: str) -> Iterable[Network]:
    if "/" in text and text[:1] in "0123456789abcdefABCDEF:":
        try:
            yield ip_interface(text).network
        except ValueError:
            return


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Message):
        for _, each in value.ListFields():
            yield from _texts(each)
    elif value is None or isinstance(value, bytes | int | float):
        return
    else:
        elements: Any = value
        if isinstance(value, Mapping):
            elements = [*value, *value.values()]
        for each in elements:
            yield from _texts(each)
