"""What the store keeps, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

from vmfit.v1.calibration_pb2 import MigrationOutcome
from vmfit.v1.finding_pb2 import Answer, Consequence


class StoreError(Exception):
    """The store cannot be used; one line that names it, never its password."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one fact answered."""

    answer: Answer.ValueType
    consequence: Consequence.ValueType
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """One answer of the comparator."""

    id: str
    checked_at_seconds: float
    """Unix time."""
    vm_name: str
    vm_uuid: str
    source_host: str
    destination_host: str
    options_digest: str
    policy: str
    answer: Answer.ValueType
    probability: float | None
    acceptable: bool
    is_whole: bool
    """All facts were asked for: the verdict speaks of the migration, not of some facts."""
    findings: Mapping[str, Given]
    """By fact id, without those that did not apply."""


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """What became of the migration that a check was about."""

    outcome: MigrationOutcome.ValueType
    text: str = ""
    causes: tuple[str, ...] = ()
    """Ids of the facts at fault; empty when that was not said."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a host was at one time."""

    host: str
    """Its name in the inventory, else its address."""
    at_seconds: float
    """Unix time, by the comparator's clock."""
    parts: Mapping[str, bytes]
    """What does not change by itself: messages in their binary form, by part."""
    numbers: bytes
    """What changes at any moment."""


@dataclass(frozen=True, slots=True)
class Run:
    """From when until when a host was seen in one state."""

    since_seconds: float
    until_seconds: float
    state: bytes
    """Equal states are equal parts."""
