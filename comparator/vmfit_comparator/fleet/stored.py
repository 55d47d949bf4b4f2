"""Snapshots as they are held for thousands of hosts: parts that are equal are held once."""

from collections.abc import Mapping
from hashlib import blake2b
from weakref import WeakValueDictionary

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.fleet.shapes import Shape, Single, shape

_DIGEST_BYTES = 16


class StoredPart:
    """A part's bytes as they stand in a snapshot, and what columns say of it."""

    __slots__ = ("__weakref__", "codes", "data", "shapes")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.codes: tuple[int, ...] | None = None
        """By the columns of the part."""
        self.shapes: dict[Single, Shape] = {}


class StoredParts:
    """Every part that some host has; what no host has any more is dropped."""

    def __init__(self) -> None:
        self._by_digest: WeakValueDictionary[bytes, StoredPart] = WeakValueDictionary()

    def store(self, snapshot: Snapshot) -> "StoredSnapshot":
        """Return the snapshot as it is held."""
        parts: dict[str, StoredPart] = {}
        rest = Snapshot(parts=snapshot.parts)
        for field, value in snapshot.ListFields():
            if field.message_type is None:
                setattr(rest, field.name, value)
            elif not field.is_repeated:
                parts[field.name] = self._part(field, value)
        return StoredSnapshot(rest.SerializeToString(), parts)

    def _part(self, field: FieldDescriptor, value: Message) -> StoredPart:
        body = value.SerializeToString(deterministic=True)
        data = _varint(field.number << 3 | 2) + _varint(len(body)) + body
        digest = blake2b(data, digest_size=_DIGEST_BYTES).digest()
        part = self._by_digest.get(digest)
        if part is None:
            part = self._by_digest[digest] = StoredPart(data)
        return part

    def __len__(self) -> int:
        """Return how many parts differ."""
        return len(self._by_digest)


class StoredSnapshot:
    """One host's snapshot."""

    __slots__ = ("parts", "rest")

    def __init__(self, rest: bytes, parts: Mapping[str, StoredPart]) -> None:
        self.rest = rest
        self.parts = parts

    def shape(self, single: Single, snapshot: Snapshot) -> Shape:
        """Return the shape of what is at a path; that of a part that others have, too, is known."""
        part = self.parts.get(single.part)
        if part is None:
            return shape(snapshot, single)
        if single not in part.shapes:
            part.shapes[single] = shape(snapshot, single)
        return part.shapes[single]

    def message(self) -> Snapshot:
        """Return the snapshot itself."""
        return Snapshot.FromString(
            b"".join([self.rest, *(each.data for each in self.parts.values())])
        )


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)
