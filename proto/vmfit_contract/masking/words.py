"""Words that a message needs as they are: they name its fields and their values, not a host."""

import re
from functools import cache

from google.protobuf.descriptor import Descriptor

from vmfit.v1.snapshot_pb2 import Snapshot

_WORD = re.compile(r"[a-z]+")
# Of libvirt's XML and of settings; the names of fields have most others.
_MORE = frozenset((
    "bhyve", "block", "bridge", "default", "direct", "domain", "file", "guest", "host", "kvm",
    "libvirt", "linux", "local", "localhost", "machine", "openvswitch", "private", "qemu", "raw",
    "remote", "router", "server", "storage", "system", "virtio", "volume", "xen",
))  # fmt: skip


@cache
def field_words() -> frozenset[str]:
    """Return, in lower case, the words of all fields' names and of all enumerations."""
    words = set(_MORE)
    _add_fields(Snapshot.DESCRIPTOR, words, set())
    return frozenset(words)


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, in order."""
    return _WORD.findall(text.lower())


def _add_fields(message: Descriptor, words: set[str], seen: set[str]) -> None:
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    for field in message.fields:
        words.update(words_of(field.name))
        if field.enum_type is not None:
            words.update(words_of(" ".join(field.enum_type.values_by_name)))
        if field.message_type is not None:
            _add_fields(field.message_type, words, seen)
