"""What hosts have at some paths, without the names that no other host has: as a shape."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from google.protobuf.message import Message

from vmfit.v1 import options_pb2
from vmfit.v1.options_pb2 import Sensitivity
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.evaluation.grouping import ROOM

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Single:
    """One path, which of the texts below it are names, and what does not count."""

    path: str
    names: frozenset[str]
    ignored: frozenset[str]

    @property
    def part(self) -> str:
        """The part that it lies in."""
        return self.path.split(".")[1]


@dataclass(frozen=True, slots=True)
class Wording:
    """What of a fact's inputs counts by its shape."""

    singles: tuple[Single, ...]


@dataclass(slots=True)
class Shape:
    """What one host has: equal shapes differ in the names alone."""

    form: tuple[object, ...]
    names: list[str]
    """By the places that the form has for them."""
    addresses: list[tuple[int, Address]]
    """Those names that are addresses, by their places."""


def wording(fact: Fact) -> Wording:
    """Return what of a fact's inputs counts by its shape."""
    grouping = fact.grouping
    names = frozenset((*grouping.names, *(each.text for each in fact.equal)))
    ignored = frozenset((*grouping.ignored, *(() if grouping.room else ROOM)))
    paths = grouping.counted + tuple(
        each.text
        for each in fact.values
        if each.root == "destination"
        and each.text not in grouping.replaced
        and (_below(each.text, names | ignored) or _identifies(each.text))
    )
    return Wording(
        tuple(Single(each, _below(each, names), _below(each, ignored)) for each in paths)
    )


def shape(snapshot: Snapshot, single: Single) -> Shape:
    """Return the shape of what a host has at one path."""
    writer = _Writer(single)
    writer.walk(snapshot, "destination", single.path.split(".")[1:])
    form = blake2b(repr(writer.form).encode(), digest_size=16).digest()
    return Shape((form,), list(writer.places), writer.addresses)


def together(shapes: Sequence[Shape]) -> Shape:
    """Return the shape of what a host has at several paths: of names that are there twice, too."""
    places: dict[str, int] = {}
    form: list[object] = []
    addresses: list[tuple[int, Address]] = []
    for each in shapes:
        moved = [places.setdefault(name, len(places)) for name in each.names]
        form += [*each.form, tuple(moved)]
        addresses += [(moved[place], address) for place, address in each.addresses]
    return Shape(tuple(form), list(places), addresses)


class _Writer:
    def __init__(self, single: Single) -> None:
        self._single = single
        self.form: list[object] = []
        self.places: dict[str, int] = {}
        self.addresses: list[tuple[int, Address]] = []

    def walk(self, message: Message, prefix: str, steps: Sequence[str]) -> None:
        """Follow the rest of a path, and write what lies at its end."""
        if not steps:
            self._message(message, prefix)
            return
        field = message.DESCRIPTOR.fields_by_name[steps[0]]
        text = f"{prefix}.{field.name}"
        if field.has_presence and not message.HasField(field.name):
            self.form.append("absent")
        elif len(steps) == 1:
            self._field(field, getattr(message, field.name), text)
        else:
            inner = getattr(message, field.name)
            elements = inner if field.is_repeated else (inner,)
            self.form.append(len(elements))
            for each in elements:
                self.walk(each, text, steps[1:])

    def _message(self, message: Message, prefix: str) -> None:
        for field, value in message.ListFields():
            text = f"{prefix}.{field.name}"
            if text not in self._single.ignored:
                self._field(field, value, text)
        self.form.append("end")

    def _field(self, field: Any, value: object, text: str) -> None:  # noqa: ANN401 -- two FieldDescriptor types
        self.form.append(field.number)
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if is_map:
            self.form.append(sorted(str(each) for each in value.items()))  # type: ignore[attr-defined]
            return
        elements = list(value) if field.is_repeated else [value]  # type: ignore[call-overload]
        self.form.append(len(elements))
        is_name = text in self._single.names or _is_identifier(field)
        for each in elements:
            if isinstance(each, Message):
                self._message(each, text)
            elif is_name and isinstance(each, str):
                self._name(each)
            else:
                self.form.append(each)

    def _name(self, text: str) -> None:
        bare, slash, length = text.partition("/") if text[:1] != "/" else (text, "", "")
        place = self.places.setdefault(bare, len(self.places))
        self.form += [place, slash, length, not bare, bare.startswith("localhost")]
        address = _address(bare)
        if address is not None:
            self.addresses.append((place, address))
            self.form += [address.version, address.is_loopback, address.is_link_local]
            self.form += [address.is_unspecified, "%" in bare]


def _address(text: str) -> Address | None:
    if text[:1] not in "0123456789abcdefABCDEF:" or not ("." in text or ":" in text):
        return None
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _below(path: str, texts: Iterable[str]) -> frozenset[str]:
    return frozenset(each for each in texts if each == path or each.startswith(f"{path}."))


@cache
def _identifies(path: str) -> bool:
    """Tell whether something at a path, or below it, may be a hash."""
    descriptor: Any = Snapshot.DESCRIPTOR
    field: Any = None
    for name in path.split(".")[1:]:
        field = descriptor.fields_by_name[name]
        descriptor = field.message_type
    if descriptor is None:
        return _is_identifier(field)
    return _holds_identifiers(descriptor, frozenset())


def _holds_identifiers(descriptor: Any, seen: frozenset[str]) -> bool:  # noqa: ANN401 -- as above
    return any(
        _is_identifier(field)
        or (
            field.message_type is not None
            and field.message_type.full_name not in seen
            and _holds_identifiers(field.message_type, seen | {field.message_type.full_name})
        )
        for field in descriptor.fields
    )


@cache
def _is_identifier(field: Any) -> bool:  # noqa: ANN401 -- as above
    sensitivity = field.GetOptions().Extensions[options_pb2.sensitivity]
    return bool(sensitivity == Sensitivity.SENSITIVITY_IDENTIFIES)
