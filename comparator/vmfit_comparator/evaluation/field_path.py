"""Field paths into a case, such as "destination.numa.nodes.free_bytes", compiled once.

A path names fields of the contract's messages. It may lead through lists; it is set when every
element has the field. Paths are checked against the descriptors when they are compiled, so a
fact with a misspelt path fails at import.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from vmfit.v1 import options_pb2
from vmfit.v1.case_pb2 import ClockComparison, SnapshotAges
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.options_pb2 import Volatility
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.probe_pb2 import ProbeAnswers
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import Vm
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.enum_names import names_of_values

ROOTS: dict[str, Descriptor] = {
    "source": Snapshot.DESCRIPTOR,
    "destination": Snapshot.DESCRIPTOR,
    "vm": Vm.DESCRIPTOR,
    "incoming": Vm.DESCRIPTOR,
    "options": MigrationOptions.DESCRIPTOR,
    "probes": ProbeAnswers.DESCRIPTOR,
    "policy": Policy.DESCRIPTOR,
    "clock": ClockComparison.DESCRIPTOR,
    "ages": SnapshotAges.DESCRIPTOR,
}
"""By the name of a case's message, what it is."""


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    repeated: bool
    tracks_presence: bool
    key: str | None
    """The field that identifies an element of this list, for messages to people."""


class _Leg(NamedTuple):
    """A step as it is walked; a tuple, because every evaluation walks hundreds."""

    name: str
    tracks_presence: bool
    onward: "Way"
    """From each element of a list; empty at the end, and where no list is."""


Way = tuple[_Leg, ...]
# Root, part, volatility.
AgesAs = tuple[str, str | None, Volatility.ValueType]


@dataclass(frozen=True, slots=True, eq=False)
class FieldPath:
    """A compiled path, one object for one text.

    `part` is the snapshot's part that it lies in, None below a VM.
    """

    text: str
    root: str
    part: str | None
    is_part: bool
    """Whether it is a part of a snapshot as a whole."""
    volatility: Volatility.ValueType
    ages_as: AgesAs
    """What paths that are always of the same age share."""
    steps: tuple[_Step, ...]
    way: Way
    is_list: bool
    """Whether it ends at a list or a map."""
    is_message: bool
    """Whether it ends at messages, alone or in a list; a map's keys are none."""
    enum_names: Mapping[int, str]
    """The names of the values that it leads to; empty unless it ends at an enum."""

    def values(self, case: Case) -> list[Any] | None:
        """Return what the path leads to, one value unless it leads through lists; None if unset."""
        message = getattr(case, self.root)
        for name, tracks_presence, onward in self.way:
            if tracks_presence and not message.HasField(name):
                return None
            message = getattr(message, name)
            if onward:
                found: list[Any] = []
                every = all(_collect(element, onward, found) for element in message)
                return found if every else None
        return [message]

    def holds(self, case: Case) -> bool:
        """Return whether it is set anywhere: a message, or a value not empty, zero or false.

        Of the elements of a list one is enough.
        """
        return _holds(getattr(case, self.root), self.way)

    def missing(self, case: Case) -> str | None:
        """Return the path of the first unset field on the way, None when all is set."""
        return _first_unset(getattr(case, self.root), self.steps, self.root)


def _collect(message: Any, way: Way, found: list[Any]) -> bool:  # noqa: ANN401 -- a message or what it holds
    for name, tracks_presence, onward in way:
        if tracks_presence and not message.HasField(name):
            return False
        message = getattr(message, name)
        if onward:
            return all(_collect(element, onward, found) for element in message)
    found.append(message)
    return True


def _holds(message: Any, way: Way) -> bool:  # noqa: ANN401 -- as above
    for name, tracks_presence, onward in way:
        if tracks_presence and not message.HasField(name):
            return False
        message = getattr(message, name)
        if onward:
            return any(_holds(each, onward) for each in message)
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
    steps: list[_Step] = []
    field: FieldDescriptor | None = None
    for name in names:
        field = descriptor.fields_by_name.get(name) if descriptor else None
        if field is None:
            raise ValueError(f"{text}: there is no field {name!r} there")
        volatility = field.GetOptions().Extensions[options_pb2.volatility] or volatility
        steps.append(_step(field))
        descriptor = field.message_type
    part = names[0] if names and root in ("source", "destination") else None
    return FieldPath(
        text,
        root,
        part,
        part is not None and len(names) == 1,
        volatility,
        (root, part, volatility),
        tuple(steps),
        _way(steps),
        is_list=field is not None and field.is_repeated,
        is_message=descriptor is not None and not descriptor.GetOptions().map_entry,
        enum_names=names_of_values(field.enum_type if field else None),
    )


def _step(field: FieldDescriptor) -> _Step:
    key = field.GetOptions().Extensions[options_pb2.key]
    single = key if key.isidentifier() else None
    repeated = field.is_repeated
    return _Step(field.name, repeated, not repeated and field.has_presence, single)


def _way(steps: Sequence[_Step]) -> Way:
    """Return the legs up to the first list that the steps lead through, which has the others."""
    legs = []
    for place, step in enumerate(steps, start=1):
        onward = _way(steps[place:]) if step.repeated else ()
        legs.append(_Leg(step.name, step.tracks_presence, onward))
        if onward:
            break
    return tuple(legs)
