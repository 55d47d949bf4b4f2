"""The parts of a snapshot as they travel: sent, left out as unchanged, collected anew."""

import math
from collections.abc import Collection, Mapping

from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit_comparator.evaluation.part_volatility import PART_VOLATILITY
from vmfit_contract.part_age import part_age_seconds

# What will soon be stale is collected anew, so that an answer outlives its making.
_RENEWED_SHARE = 0.5


def digests(snapshot: Snapshot | None) -> dict[str, str]:
    """Return the digests of the parts that a snapshot has, by part."""
    if snapshot is None:
        return {}
    return {
        each.name: each.digest
        for each in snapshot.parts
        if each.digest and _has(snapshot, each.name)
    }


def bytes_by_part(sizes: Mapping[str, int]) -> dict[str, int]:
    """Return what each field of an answer's snapshot takes, from what is in it by path."""
    found: dict[str, int] = {}
    for path, size in sizes.items():
        part = path.removeprefix("snapshot.").partition(".")[0]
        found[part] = found.get(part, 0) + size
    return found


def bytes_of(snapshot: Snapshot, sizes: Mapping[str, int]) -> int:
    """Return what the snapshot takes in memory, given what each part took when it was sent."""
    fields = [field.name for field, _ in snapshot.ListFields()]
    return sum(sizes.get(name, 0) for name in fields)


def is_unchanged(snapshot: Snapshot, part: str) -> bool:
    """Return whether a part was not sent because the caller has it."""
    return any(each.name == part and each.unchanged for each in snapshot.parts)


def complete(snapshot: Snapshot, known: Snapshot | None) -> None:
    """Put in the parts that were not sent because `known` has them."""
    for status in snapshot.parts:
        if status.unchanged and known is not None and _has(known, status.name):
            getattr(snapshot, status.name).CopyFrom(getattr(known, status.name))
            status.unchanged = False


def replace(snapshot: Snapshot, renewed: Snapshot, later_seconds: float) -> None:
    """Take the parts, their statuses and the time from an answer for some parts.

    It was given so much later: by that the other parts are older.
    """
    statuses = {each.name: each for each in renewed.parts}
    for status in snapshot.parts:
        if status.name not in statuses:
            age = part_age_seconds(status, snapshot.taken_at)
            if age is not None:
                status.age.FromNanoseconds(round((age + later_seconds) * 1e9))
        else:
            status.CopyFrom(statuses[status.name])
            snapshot.ClearField(status.name)  # type: ignore[arg-type]
            if _has(renewed, status.name):
                getattr(snapshot, status.name).CopyFrom(getattr(renewed, status.name))
    snapshot.taken_at.CopyFrom(renewed.taken_at)


def _has(snapshot: Snapshot, part: str) -> bool:
    field = snapshot.DESCRIPTOR.fields_by_name.get(part)
    if field is None or field.message_type is None or field.is_repeated:
        return False
    return snapshot.HasField(part)  # type: ignore[arg-type]


def stale_parts(snapshot: Snapshot, fresh_seconds: Mapping[str, float]) -> dict[str, float]:
    """Return the parts that are stale or soon will be, each with the age that it may have."""
    limits = {name: seconds * _RENEWED_SHARE for name, seconds in fresh_seconds.items()}
    return {
        each.name: limits[each.name]
        for each in snapshot.parts
        if each.name in limits and _age(each, snapshot) > limits[each.name]
    }


def _age(status: PartStatus, snapshot: Snapshot) -> float:
    age = part_age_seconds(status, snapshot.taken_at)
    return math.inf if age is None else age


def keep_only(snapshot: Snapshot, parts: Collection[str]) -> None:
    """Leave out all other parts, with their statuses."""
    for name in PART_VOLATILITY.keys() - set(parts):
        snapshot.ClearField(name)  # type: ignore[arg-type]
    kept = [each for each in snapshot.parts if each.name in parts]
    del snapshot.parts[:]
    snapshot.parts.extend(kept)
