"""Which elements of two lists are the same thing."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from vmfit_comparator.differences.snapshot_fields import Alternatives

Pair = tuple[str, Message | None, Message | None]
"""A label for people, and the element on either side."""


def pair_elements(
    left: Sequence[Message],
    right: Sequence[Message],
    alternatives: Alternatives,
    text: Callable[[Any], str] = str,
) -> Iterator[Pair]:
    """Yield every element once, with its counterpart: left's in order, then right's own.

    Two elements are the same when the strongest alternative of the key that both have is equal;
    elements that share it (a disk and its partitions share the disk's WWN) are told apart by the
    weaker ones. Without a key, elements are paired by position. `text` shows a key in a label.
    """
    if not alternatives:
        for index in range(max(len(left), len(right))):
            one = left[index] if index < len(left) else None
            yield str(index), one, right[index] if index < len(right) else None
        return
    keys = [[_keys(each, alternatives, text) for each in side] for side in (left, right)]
    matches: dict[int, int] = {}
    _match(range(len(left)), range(len(right)), keys, 0, matches)
    names = [_labels(side) for side in keys]
    for index, one in enumerate(left):
        other = matches.get(index)
        yield names[0][index], one, None if other is None else right[other]
    taken = set(matches.values())
    for index, each in enumerate(right):
        if index not in taken:
            yield names[1][index], None, each


Keys = tuple[str | None, ...]


def _keys(element: Message, alternatives: Alternatives, text: Callable[[Any], str]) -> Keys:
    if len(alternatives) == 1:
        return (_joined(element, alternatives[0], text),)
    # An alternative counts when its first field is set.
    return tuple(
        _joined(element, names, text) if _is_set(element, names[0]) else None
        for names in alternatives
    )


def _joined(element: Message, names: tuple[str, ...], text: Callable[[Any], str]) -> str:
    return ",".join(text(getattr(element, name)) for name in names)


def _is_set(element: Message, name: str) -> bool:
    field = element.DESCRIPTOR.fields_by_name[name]
    present = element.HasField(name) if field.has_presence else True
    return present and bool(getattr(element, name) != "")


def _match(
    left: Sequence[int],
    right: Sequence[int],
    keys: list[list[Keys]],
    level: int,
    matches: dict[int, int],
) -> None:
    """Match elements by the alternative at `level`, then what is left by the weaker ones."""
    if not left or not right:
        return
    if level == len(keys[0][left[0]]):
        # Nothing tells them apart; the lists' order does.
        matches.update(zip(left, right, strict=False))
        return
    groups: dict[str | None, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, indexes in enumerate((left, right)):
        for index in indexes:
            groups[keys[side][index][level]][side].append(index)
    unset = groups.pop(None, ([], []))
    for same_left, same_right in groups.values():
        if len(same_left) == len(same_right) == 1:
            matches[same_left[0]] = same_right[0]
        else:
            _match(same_left, same_right, keys, level + 1, matches)
    # An element that has this alternative can only be one that lacks it, never one that differs.
    taken = set(matches.values())
    set_left = [i for i in left if keys[0][i][level] is not None and i not in matches]
    set_right = [i for i in right if keys[1][i][level] is not None and i not in taken]
    _match_next(unset[0], unset[1], keys, level, matches)
    _match_next([i for i in unset[0] if i not in matches], set_right, keys, level, matches)
    taken = set(matches.values())
    _match_next(set_left, [i for i in unset[1] if i not in taken], keys, level, matches)


def _match_next(
    left: Sequence[int],
    right: Sequence[int],
    keys: list[list[Keys]],
    level: int,
    matches: dict[int, int],
) -> None:
    # By position only what one and the same key has brought together.
    if left and right and level + 1 < len(keys[0][left[0]]):
        _match(left, right, keys, level + 1, matches)


def _labels(keys: list[Keys]) -> list[str]:
    """Return the strongest key that no other element of the list has, for each element."""
    counts = Counter((level, key) for each in keys for level, key in enumerate(each))
    labels = []
    for index, each in enumerate(keys):
        unique = (key for level, key in enumerate(each) if key and counts[level, key] == 1)
        weakest = next((key for key in reversed(each) if key), str(index))
        labels.append(next(unique, weakest))
    return labels
