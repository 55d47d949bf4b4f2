"""Words that a recording needs as they are: they name its files and fields, not a host."""

import re
from functools import cache

from google.protobuf.descriptor import Descriptor

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.collectors import COLLECTORS

_WORD = re.compile(r"[a-z]+")
# Of libvirt's XML and of settings; the names of fields have most others.
_MORE = frozenset((
    "bhyve", "block", "bridge", "default", "direct", "domain", "file", "guest", "host", "kvm",
    "libvirt", "linux", "local", "localhost", "machine", "openvswitch", "private", "qemu", "raw",
    "remote", "router", "server", "storage", "system", "virtio", "volume", "xen",
))  # fmt: skip


@cache
def structural_words() -> frozenset[str]:
    """Return, in lower case, the words of all paths that collectors read and all fields' names."""
    words = set(_MORE)
    for collector in COLLECTORS.values():
        words.update(_WORD.findall(" ".join(collector.files).lower()))
    _add_fields(Snapshot.DESCRIPTOR, words, set())
    return frozenset(words)


def _add_fields(message: Descriptor, words: set[str], seen: set[str]) -> None:
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    for field in message.fields:
        words.update(_WORD.findall(field.name))
        if field.enum_type is not None:
            words.update(_WORD.findall(" ".join(field.enum_type.values_by_name).lower()))
        if field.message_type is not None:
            _add_fields(field.message_type, words, seen)
