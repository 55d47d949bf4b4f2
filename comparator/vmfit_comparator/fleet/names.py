"""Names and addresses of hosts: what they are, and what of the case beside them they match."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.field_path import FieldPath, field_path
from google.protobuf.message import Message

# What a text of the case, a URI above all, can have of a host's name or address in it.
_TOKEN = re.compile(r"[\w.:%-]+")
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the names of hosts are compared with."""

    texts: frozenset[str]
    networks: tuple[Network, ...]


class Names:
    """What all hosts have at some paths."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths: list[FieldPath] = [field_path(each) for each in paths]
        self._texts: list[tuple[tuple[str, ...], ...]] = []

    def note(self, row: int, snapshot: Snapshot) -> None:
        """Take note of a host's names."""
        case: Any = SimpleNamespace(destination=snapshot)
        while len(self._texts) <= row:
            self._texts.append(())
        self._texts[row] = tuple(tuple(_texts(each.values(case))) for each in self._paths)

    def seen(self, rows: Iterable[int], wanted: Wanted) -> list[bytes]:
        """Return, row by row, what stands for the names: equal where they count alike."""
        return [_seen(self._texts[row], wanted) for row in rows]


def wanted(fact: Fact, case: Case) -> Wanted:
    """Return what the names that a fact reads of a destination are compared with in a case."""
    texts: set[str] = set()
    networks: dict[Network, None] = {}
    for path in fact.values:
        if path.root != "destination":
            for text in _texts(path.values(case) or []):
                texts.update(_tokens(text))
                networks.update(dict.fromkeys(_networks(text)))
    return Wanted(frozenset(texts), tuple(networks))


def _tokens(text: str) -> Iterable[str]:
    yield text.lower()
    for each in _TOKEN.findall(text.lower()):
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
    elif isinstance(value, bytes | int | float | None):
        return
    else:
        keys = value.items() if hasattr(value, "items") else value
        for each in keys:  # type: ignore[attr-defined]
            yield from _texts(each)


def _seen(texts: tuple[tuple[str, ...], ...], wanted: Wanted) -> bytes:
    places: dict[str, int] = {}
    found: list[object] = []
    for path in texts:
        found.append(len(path))
        for text in path:
            plain = text.lower()
            bare = plain.partition("/")[0]
            for each in (plain, bare):
                found.append(each if each in wanted.texts else places.setdefault(each, len(places)))
            found.append(_kind(bare, wanted.networks))
    return repr(found).encode()


@lru_cache(1 << 16)
def _kind(text: str, networks: tuple[Network, ...]) -> object:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return not text, text.startswith("localhost")
    inside = tuple(index for index, each in enumerate(networks) if address in each)
    return (
        *(address.version, address.is_loopback, address.is_link_local, address.is_unspecified),
        inside,
    )
