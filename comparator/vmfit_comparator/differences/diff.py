"""What differs between two hosts, field by field, driven by the contract's field options."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from google.protobuf.message import Message

from vmfit.v1.comparator_service_pb2 import Difference, DifferenceKind, DiffResponse
from vmfit.v1.options_pb2 import Volatility
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.differences.element_key import pair_elements
from vmfit_comparator.differences.field_text import Scalar, message_text, scalar_text
from vmfit_comparator.differences.fields_of_facts import facts_touching
from vmfit_comparator.differences.snapshot_fields import PARTS, FieldPlan

_CHANGED = DifferenceKind.DIFFERENCE_KIND_CHANGED
_ONLY_LEFT = DifferenceKind.DIFFERENCE_KIND_ONLY_LEFT
_ONLY_RIGHT = DifferenceKind.DIFFERENCE_KIND_ONLY_RIGHT
_EQUAL = DifferenceKind.DIFFERENCE_KIND_EQUAL
_UNKNOWN = DifferenceKind.DIFFERENCE_KIND_UNKNOWN


def diff(
    left: Snapshot,
    right: Snapshot,
    *,
    include_equal: bool = False,
    include_volatile: bool = False,
    include_raw: bool = False,
    parts: Collection[str] = (),
) -> DiffResponse:
    """Return the differences in the schema's order, lists by key.

    Lists of messages are compared by their key, lists of scalars as sets unless they are declared
    ordered. A part that a side was asked for and did not collect is UNKNOWN with the collector's
    error on that side and an empty text on a side that has it. A list of raw registers is one
    difference, unless `include_raw`. `parts` narrows it to some parts.
    Raises ValueError naming a part that does not exist.
    """
    for name in parts:
        if name not in PARTS:
            raise ValueError(f"there is no part {name!r}; there are {', '.join(PARTS)}")
    walk = _Walk(include_equal, include_volatile, include_raw)
    response = DiffResponse(left_host=left.identity.hostname, right_host=right.identity.hostname)
    for name, plan in PARTS.items():
        if not parts or name in parts:
            response.differences.extend(_part(walk, plan, left, right, asked=name in parts))
    return response


def is_difference(found: Difference) -> bool:
    """Tell whether the hosts differ there; what neither side collected is no difference."""
    if found.kind == _UNKNOWN:
        return not (found.left and found.right)
    return found.kind != _EQUAL


def differs(response: DiffResponse) -> bool:
    """Tell whether anything differs."""
    return any(map(is_difference, response.differences))


def _part(
    walk: "_Walk", plan: FieldPlan, left: Snapshot, right: Snapshot, *, asked: bool
) -> Iterator[Difference]:
    name = plan.name
    has = [side.HasField(name) for side in (left, right)]  # type: ignore[arg-type]
    if all(has):
        yield from walk.messages(
            _Place(name, name), plan, getattr(left, name), getattr(right, name)
        )
        return
    errors = [_why_absent(side, name) for side in (left, right)]
    if any(has) or asked or any(errors):
        texts = [
            "" if there else f"not collected: {error}" if error else "not collected"
            for there, error in zip(has, errors, strict=True)
        ]
        yield walk.difference(_Place(name, name), plan, _UNKNOWN, *texts)


def _why_absent(snapshot: Snapshot, part: str) -> str:
    return next((each.error for each in snapshot.parts if each.name == part), "")


class _Place(NamedTuple):
    text: str
    """"network.interfaces[br0].mtu_bytes"."""
    schema: str
    """"network.interfaces.mtu_bytes"."""

    def field(self, name: str) -> "_Place":
        return _Place(f"{self.text}.{name}", f"{self.schema}.{name}")

    def element(self, label: str) -> "_Place":
        return _Place(f"{self.text}[{label}]", self.schema)


@dataclass(frozen=True, slots=True)
class _Walk:
    include_equal: bool
    include_volatile: bool
    include_raw: bool

    def messages(
        self, place: _Place, plan: FieldPlan, left: Message, right: Message
    ) -> Iterator[Difference]:
        if left == right and not self.include_equal:
            return
        for field in plan.fields:
            if self._counts(field.least_volatility):
                yield from self._field(place.field(field.name), field, left, right)

    def _field(
        self, place: _Place, plan: FieldPlan, left: Message, right: Message
    ) -> Iterator[Difference]:
        one, other = getattr(left, plan.name), getattr(right, plan.name)
        if plan.is_map:
            yield from self._mapping(place, plan, one, other)
        elif plan.is_list:
            together = plan.raw and not self.include_raw
            elements = self._registers if together else self._elements
            compare = elements if plan.is_message else self._scalars
            yield from compare(place, plan, one, other)
        else:
            there = (_is_there(left, plan), _is_there(right, plan))
            yield from self._pair(place, plan, (one, other), there)

    def _pair(
        self, place: _Place, plan: FieldPlan, values: tuple[Any, Any], there: tuple[bool, bool]
    ) -> Iterator[Difference]:
        left, right = values
        if all(there) and plan.fields:
            yield from self.messages(place, plan, left, right)
            return
        text: Callable[..., str] = message_text if plan.is_message else scalar_text
        if all(there) or not any(there):
            if left == right:
                if self.include_equal and all(there):
                    shown = text(plan, left)
                    yield self.difference(place, plan, _EQUAL, shown, shown)
                return
            texts = text(plan, left), text(plan, right)
            for digits in () if plan.is_message else (4, 6, None):
                if texts[0] == texts[1]:
                    texts = scalar_text(plan, left, digits), scalar_text(plan, right, digits)
            yield self.difference(place, plan, _CHANGED, *texts)
        elif there[0]:
            yield self.difference(place, plan, _ONLY_LEFT, text(plan, left), "")
        else:
            yield self.difference(place, plan, _ONLY_RIGHT, "", text(plan, right))

    def _mapping(
        self, place: _Place, plan: FieldPlan, left: Mapping[Any, Any], right: Mapping[Any, Any]
    ) -> Iterator[Difference]:
        for key in sorted({*left, *right}):
            there = (key in left, key in right)
            values = tuple(
                side[key] if has else None for side, has in zip((left, right), there, strict=True)
            )
            assert plan.value is not None
            yield from self._pair(place.element(key), plan.value, (values[0], values[1]), there)

    def _elements(
        self, place: _Place, plan: FieldPlan, left: Sequence[Message], right: Sequence[Message]
    ) -> Iterator[Difference]:
        text = partial(scalar_text, plan) if plan.raw else str
        for label, one, other in pair_elements(left, right, plan.alternatives, text):
            there = (one is not None, other is not None)
            # That an element is there is as volatile as the list itself.
            if all(there) or self._counts(plan.volatility):
                yield from self._pair(place.element(label), plan, (one, other), there)

    def _registers(
        self, place: _Place, plan: FieldPlan, left: Sequence[Message], right: Sequence[Message]
    ) -> Iterator[Difference]:
        keys = set(chain.from_iterable(plan.alternatives))
        names = [each.name for each in plan.fields if each.name not in keys]
        total = differing = 0
        for _, one, other in pair_elements(left, right, plan.alternatives):
            total += len(names)
            for name in names:
                there = one is not None and other is not None
                differing += not there or getattr(one, name) != getattr(other, name)
        count = f"{total} register{'s' if total > 1 else ''}"
        if not differing:
            if self.include_equal and total:
                yield self.difference(place, plan, _EQUAL, count, count)
        elif not right:
            yield self.difference(place, plan, _ONLY_LEFT, count, "")
        elif not left:
            yield self.difference(place, plan, _ONLY_RIGHT, "", count)
        else:
            found = self.difference(place, plan, _CHANGED, "", "")
            found.summary = f"{differing} of {count} differ; {plan.raw} says what they mean"
            yield found

    def _scalars(
        self, place: _Place, plan: FieldPlan, left: Sequence[Scalar], right: Sequence[Scalar]
    ) -> Iterator[Difference]:
        same = list(left) == list(right) if plan.ordered else set(left) == set(right)
        if same:
            if self.include_equal and left:
                shown = _list_text(plan, left)
                yield self.difference(place, plan, _EQUAL, shown, shown)
            return
        kind = _ONLY_RIGHT if not left else _ONLY_LEFT if not right else _CHANGED
        found = self.difference(place, plan, kind, _list_text(plan, left), _list_text(plan, right))
        has_left, has_right = set(left), set(right)
        found.only_left.extend(_texts(plan, (each for each in left if each not in has_right)))
        found.only_right.extend(_texts(plan, (each for each in right if each not in has_left)))
        yield found

    def _counts(self, volatility: Volatility.ValueType) -> bool:
        return self.include_volatile or volatility != Volatility.VOLATILITY_VOLATILE

    def difference(
        self, place: _Place, plan: FieldPlan, kind: DifferenceKind.ValueType, left: str, right: str
    ) -> Difference:
        return Difference(
            path=place.text,
            kind=kind,
            left=left,
            right=right,
            volatility=plan.volatility,
            facts=facts_touching(place.schema),
        )


def _is_there(message: Message, plan: FieldPlan) -> bool:
    if plan.tracks_presence:
        return message.HasField(plan.name)
    # An empty text is none; numbers and flags always have a value.
    return bool(getattr(message, plan.name) != "")


def _texts(plan: FieldPlan, values: Iterable[Scalar]) -> list[str]:
    return [scalar_text(plan, value) for value in dict.fromkeys(values)]


def _list_text(plan: FieldPlan, values: Iterable[Scalar]) -> str:
    return ", ".join(scalar_text(plan, value) for value in values)
