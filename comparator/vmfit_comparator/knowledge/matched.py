"""Devices of two definitions that are the same one."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Device = TypeVar("Device")


def matched(
    before: Iterable[Device], after: Iterable[Device], key: Callable[[Device], Hashable]
) -> list[tuple[Device | None, Device]]:
    """Return each device of `after` beside the one of `before` that has its key; None without one.

    Of several with one key, or without any, the first belongs to the first, and so on.
    """
    known: dict[Hashable, list[Device]] = {}
    for each in before:
        known.setdefault(key(each), []).append(each)
    pairs: list[tuple[Device | None, Device]] = []
    for each in after:
        left = known.get(key(each), [])
        pairs.append((left.pop(0) if left else None, each))
    return pairs
