"""A snapshot apart: what stays until somebody acts, and what changes at any moment.

The contract's field options decide. Elements of lists stay: of a VM the state is volatile, that it
is there is not.
"""

from collections.abc import Mapping
from enum import Enum, auto
from functools import cache
from typing import Any

from google.protobuf.message import Message

from vmfit.v1.options_pb2 import Volatility
from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit_comparator.differences.snapshot_fields import PARTS, FieldPlan

_VOLATILE = Volatility.VOLATILITY_VOLATILE
# The snapshot's own fields that are no parts and stay.
_HEAD = ("schema_revision", "agent_version", "recorded_at", "identifier_key")


class _Kind(Enum):
    STABLE = auto()
    VOLATILE = auto()


# By field: its kind, or the same for the fields of a message that has both.
_Kinds = Mapping[str, "_Kind | _Kinds"]


def stable(snapshot: Snapshot) -> Snapshot:
    """Return what stays; of the parts' statuses the name, the error and the warnings."""
    kept = Snapshot()
    kept.CopyFrom(snapshot)
    kept.ClearField("taken_at")
    del kept.parts[:]
    for each in snapshot.parts:
        kept.parts.append(PartStatus(name=each.name, error=each.error, warnings=each.warnings))
    _keep(kept, _kinds(), _Kind.STABLE)
    return kept


def volatile(snapshot: Snapshot) -> Snapshot:
    """Return what changes at any moment, the statuses of the parts included."""
    kept = Snapshot()
    kept.CopyFrom(snapshot)
    for name in _HEAD:
        kept.ClearField(name)  # type: ignore[arg-type]
    _keep(kept, _kinds(), _Kind.VOLATILE)
    return kept


def together(staying: Snapshot, changing: Snapshot) -> Snapshot:
    """Return the snapshot that both are of."""
    snapshot = Snapshot()
    snapshot.CopyFrom(staying)
    del snapshot.parts[:]
    _put(snapshot, changing)
    return snapshot


@cache
def _kinds() -> _Kinds:
    return {name: _kind(plan) for name, plan in PARTS.items()}


def _kind(plan: FieldPlan) -> "_Kind | _Kinds":
    if plan.least_volatility == _VOLATILE:
        return _Kind.VOLATILE
    below = {each.name: _kind(each) for each in plan.fields}
    if all(each is _Kind.STABLE for each in below.values()):
        return _Kind.STABLE
    return below


def _keep(message: Message, kinds: _Kinds, wanted: _Kind) -> None:
    for field, value in message.ListFields():
        kind = kinds.get(field.name)
        if kind is None or kind is wanted:
            continue
        if isinstance(kind, _Kind):
            message.ClearField(field.name)
        else:
            for each in value if field.is_repeated else (value,):
                _keep(each, kind, wanted)


def _put(message: Message, changing: Message) -> None:
    """Put in what changes. Lists of messages that stay have their elements on both sides."""
    for field, value in changing.ListFields():
        there: Any = getattr(message, field.name)
        if field.is_repeated:
            if field.message_type is not None and len(there):
                for one, other in zip(there, value, strict=False):
                    _put(one, other)
            else:
                there.MergeFrom(value)
        elif field.message_type is None:
            setattr(message, field.name, value)
        else:
            there.SetInParent()
            _put(there, value)
