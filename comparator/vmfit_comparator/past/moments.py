"""Snapshots as the store keeps them, and back."""

from collections.abc import Mapping

from google.protobuf.message import DecodeError

from vmfit.v1.snapshot_pb2 import PartStatus, Snapshot
from vmfit_comparator.differences.snapshot_fields import PARTS
from vmfit_comparator.past.volatile import stable, together, volatile
from vmfit_comparator.store.records import Moment, StoreError

# What a snapshot has beside its parts. No part is called so.
_HEAD = "snapshot"


def moment_of(host: str, at_seconds: float, snapshot: Snapshot) -> Moment:
    """Return a snapshot as a moment: each part by itself, so that equal ones are kept once."""
    staying = stable(snapshot)
    parts: dict[str, bytes] = {}
    for name in PARTS:
        if staying.HasField(name):  # type: ignore[arg-type]
            parts[name] = getattr(staying, name).SerializeToString(deterministic=True)
            staying.ClearField(name)  # type: ignore[arg-type]
    # Warnings quote what changes; that a part has an error is a change of the host.
    statuses = [PartStatus(name=each.name, error=each.error) for each in staying.parts]
    del staying.parts[:]
    staying.parts.extend(statuses)
    parts[_HEAD] = staying.SerializeToString(deterministic=True)
    numbers = volatile(snapshot).SerializeToString(deterministic=True)
    return Moment(host, at_seconds, parts, numbers)


def snapshot_of(moment: Moment) -> Snapshot:
    """Return the snapshot of a moment. Raises StoreError for one that is damaged."""
    changing = Snapshot()
    try:
        changing.ParseFromString(moment.numbers)
    except DecodeError:
        raise StoreError(f"what is kept of {moment.host[:100]!a} is damaged") from None
    return together(staying_of(moment.parts), changing)


def staying_of(parts: Mapping[str, bytes]) -> Snapshot:
    """Return a snapshot without what changes at any moment. Raises StoreError."""
    snapshot = Snapshot()
    try:
        snapshot.ParseFromString(parts.get(_HEAD, b""))
        for name, body in parts.items():
            if name in PARTS:
                getattr(snapshot, name).ParseFromString(body)
                getattr(snapshot, name).SetInParent()
    except DecodeError:
        raise StoreError("a part of the past is damaged") from None
    return snapshot
