"""Domain XML that libvirt gave, read once: an agent is given the same every few seconds."""

import hashlib

from vmfit.v1.vm_pb2 import Vm
from vmfit_agent.byte_cache import ByteCache
from vmfit_agent.domain_xml import parse_vm

REMEMBERED_BYTES = 4 << 20
"""Serialised, a VM takes some hundred bytes to a few thousand."""
_DIGEST_BYTES = 16

_REMEMBERED = ByteCache(REMEMBERED_BYTES)


def libvirts_vm(xml: str) -> Vm:
    """Return what `parse_vm` returns, remembered: never for XML that a client sent.

    Raises UnusableDefinition.
    """
    key = hashlib.blake2b(xml.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()
    known = _REMEMBERED.get(key)
    if known is not None:
        return Vm.FromString(known)
    vm = parse_vm(xml)
    _REMEMBERED.put(key, vm.SerializeToString())
    return vm
