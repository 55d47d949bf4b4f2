"""What a message would take when it is unfolded, told from its bytes before that happens.

An empty element of a list takes two bytes on the wire and hundreds in memory, so that a bound of
the bytes alone bounds nothing. The elements of all lists of one kind are counted together, level by
level: a message's bytes are read as one whose messages are mere bytes, and the bytes of all
messages of one kind, joined, are read as one message again.
"""

# ruff: noqa: ANN401 -- descriptors have two types, and messages that are made here none

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

MAX_UNFOLDED_BYTES = 32 * 1024 * 1024
"""What a message may take when it is unfolded: a host with 500 VMs and 2,000 disks takes 5 MiB."""
MAX_ELEMENTS = 16384
"""How many messages all lists of one kind may have together: the disks of all VMs, say."""
MAX_TEXTS = 8 * MAX_ELEMENTS
"""How many texts all lists of one kind may have together: the CPU features of all VMs, say."""

# Of a message, and of each of its fields; measured, and rounded up.
_MESSAGE_BYTES = 48
_FIELD_BYTES = 12
_TEXT_BYTES = 48
_MAX_DEPTH = 64
_STRINGS = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


class TooLargeError(ValueError):
    """A message that has more than one may have; `field` is the path of what is too much."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


def check_unfolded(
    content: bytes,
    message_type: type[Message],
    *,
    max_bytes: int = MAX_UNFOLDED_BYTES,
    max_elements: int = MAX_ELEMENTS,
    max_texts: int = MAX_TEXTS,
) -> Mapping[str, int]:
    """Return what a message's bytes unfold to: bytes in memory by the path of messages and texts.

    Raises TooLargeError for too much, DecodeError for what is no message at all. It takes about as
    long as reading the message does.
    """
    total = 0
    sizes: dict[str, int] = {}
    level: list[tuple[str, Any, bytes]] = [("", message_type.DESCRIPTOR, content)]
    for _ in range(_MAX_DEPTH):
        below: dict[tuple[str, Any], list[bytes]] = {}
        for path, descriptor, joined in level:
            for kind, elements in _elements(descriptor, joined):
                where = f"{path}.{kind.name}" if path else kind.name
                sizes[where] = len(elements) * kind.bytes_each
                total += sizes[where]
                most = max_texts if kind.message is None else max_elements
                if kind.is_list and len(elements) > most:
                    raise TooLargeError(where, f"more than {most}")
                if total > max_bytes:
                    raise TooLargeError(where, f"takes more than {max_bytes} bytes in memory")
                if kind.message is not None and _kinds(kind.message):
                    below.setdefault((where, kind.message), []).extend(elements)
        if not below:
            return sizes
        level = [(path, each, b"".join(parts)) for (path, each), parts in below.items()]
    raise TooLargeError(level[0][0][:200], f"nested more than {_MAX_DEPTH} times")


class _Kind(NamedTuple):
    """A field whose elements count."""

    name: str
    is_list: bool
    bytes_each: int
    message: Any
    """Its Descriptor; None of texts."""


def _elements(descriptor: Any, joined: bytes) -> Iterator[tuple[_Kind, Sequence[bytes]]]:
    flat = _flat(descriptor)()
    flat.ParseFromString(joined)
    kinds = _kinds(descriptor)
    for field, elements in flat.ListFields():
        yield kinds[field.name], elements


@cache
def _kinds(descriptor: Any) -> Mapping[str, _Kind]:
    found: dict[str, _Kind] = {}
    for field in descriptor.fields:
        inner = field.message_type
        if inner is not None:
            each = _MESSAGE_BYTES + _FIELD_BYTES * len(inner.fields)
            found[field.name] = _Kind(field.name, field.is_repeated, each, inner)
        elif field.is_repeated and field.type in _STRINGS:
            found[field.name] = _Kind(field.name, True, _TEXT_BYTES, None)  # noqa: FBT003
    return found


@cache
def _flat(descriptor: Any) -> type[Any]:
    """Return a message that has the same messages and lists of texts, all as lists of bytes."""
    package = "vmfit.flat"
    name = descriptor.full_name.replace(".", "_")
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=package)
    message = file.message_type.add(name=name)
    for each in _kinds(descriptor):
        message.field.add(
            name=each,
            number=descriptor.fields_by_name[each].number,
            type=FieldDescriptor.TYPE_BYTES,
            label=FieldDescriptor.LABEL_REPEATED,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
