"""Field paths into a migration, such as "destination.numa.nodes.free_bytes", compiled once.

A path names fields of the contract's messages. It may lead through lists; it is set when every
element has the field. Paths are checked against the descriptors when they are compiled, so a
fact with a misspelt path fails at import.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from vmfit.v1 import options_pb2
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.options_pb2 import Volatility
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.enum_names import names_of_values
from vmfit_comparator.evaluation.migration import Migration

ROOTS: dict[str, Descriptor] = {
    "source": Snapshot.DESCRIPTOR,
    "destination": Snapshot.DESCRIPTOR,
    "vm": Vm.DESCRIPTOR,
    "incoming": Vm.DESCRIPTOR,
    "options": MigrationOptions.DESCRIPTOR,
    "probes": ProbeAnswers.DESCRIPTOR,
}


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    repeated: bool
    tracks_presence: bool
    key: str | None
    """The field that identifies an element of this list, for messages to people."""
    enum_names: Mapping[int, str]
    """The names of an enum's values, for messages to people; empty for other fields."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldPath:
    """A compiled path, one object for one text.

    `part` is the snapshot's part that it lies in, None below a VM.
    """

    text: str
    root: str
    part: str | None
    volatility: Volatility.ValueType
    steps: tuple[_Step, ...]

    @property
    def is_list(self) -> bool:
        """Whether it ends at a list."""
        return bool(self.steps) and self.steps[-1].repeated

    @property
    def enum_names(self) -> Mapping[int, str]:
        """The names of the values that it leads to; empty unless it ends at an enum."""
        return self.steps[-1].enum_names if self.steps else {}

    def values(self, migration: Migration) -> list[Any] | None:
        """Return what the path leads to, one value unless it leads through lists; None if unset."""
        found: list[Any] = []
        return found if _collect(getattr(migration, self.root), self.steps, found) else None

    def holds(self, migration: Migration) -> bool:
        """Return whether it is set anywhere: a message, or a value not empty, zero or false.

        Of the elements of a list one is enough.
        """
        return _holds(getattr(migration, self.root), self.steps)

    def missing(self, migration: Migration) -> str | None:
        """Return the path of the first unset field on the way, None when all is set."""
        return _first_unset(getattr(migration, self.root), self.steps, self.root)


def _collect(message: Any, steps: tuple[_Step, ...], found: list[Any]) -> bool:  # noqa: ANN401 -- a message or what it holds
    for index, step in enumerate(steps):
        if step.repeated:
            elements = getattr(message, step.name)
            rest = steps[index + 1 :]
            if rest:
                return all(_collect(element, rest, found) for element in elements)
            found.append(elements)
            return True
        if step.tracks_presence and not message.HasField(step.name):
            return False
        message = getattr(message, step.name)
    found.append(message)
    return True


def _holds(message: Any, steps: tuple[_Step, ...]) -> bool:  # noqa: ANN401 -- as above
    for index, step in enumerate(steps):
        if step.repeated:
            elements = getattr(message, step.name)
            rest = steps[index + 1 :]
            return any(_holds(each, rest) for each in elements) if rest else bool(elements)
        if step.tracks_presence and not message.HasField(step.name):
            return False
        message = getattr(message, step.name)
    return isinstance(message, Message) or bool(message)


def _first_unset(message: Message, steps: tuple[_Step, ...], prefix: str) -> str | None:
    for index, step in enumerate(steps):
        prefix = f"{prefix}.{step.name}"
        if step.repeated:
            for position, element in enumerate(getattr(message, step.name)):
                if index == len(steps) - 1:
                    return None
                label = getattr(element, step.key) if step.key else position
                missing = _first_unset(element, steps[index + 1 :], f"{prefix}[{label}]")
                if missing:
                    return missing
            return None
        if step.tracks_presence and not message.HasField(step.name):
            return prefix
        message = getattr(message, step.name)
    return None


@cache
def field_path(text: str) -> FieldPath:
    """Compile a path; ValueError when the contract has no such field."""
    root, *names = text.split(".")
    if root not in ROOTS:
        raise ValueError(f"{text}: paths start with one of {', '.join(ROOTS)}")
    descriptor: Descriptor | None = ROOTS[root]
    # A VM is an element of the volatile part `domains`; its fields say where they last longer.
    is_vm = descriptor is Vm.DESCRIPTOR
    volatility = Volatility.VOLATILITY_VOLATILE if is_vm else Volatility.VOLATILITY_UNSPECIFIED
    steps = []
    for name in names:
        field = descriptor.fields_by_name.get(name) if descriptor else None
        if field is None:
            raise ValueError(f"{text}: there is no field {name!r} there")
        volatility = field.GetOptions().Extensions[options_pb2.volatility] or volatility
        steps.append(_step(field))
        descriptor = field.message_type
    part = names[0] if names and root in ("source", "destination") else None
    return FieldPath(text, root, part, volatility, tuple(steps))


def _step(field: FieldDescriptor) -> _Step:
    key = field.GetOptions().Extensions[options_pb2.key]
    single = key if key.isidentifier() else None
    repeated = field.is_repeated
    presence = not repeated and field.has_presence
    return _Step(field.name, repeated, presence, single, names_of_values(field.enum_type))
