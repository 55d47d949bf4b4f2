"""What libvirt calls the host: learnt with the hypervisor part, told with the identity.

The two parts are collected at times of their own, and libvirt may answer for one and not for the
other. Who has a hypervisor part also has the names that came with it: both come from one answer.
"""

from typing import NamedTuple

from vmfit.v1.host_pb2 import Identity, LibvirtIdentity
from vmfit.v1.hypervisor_pb2 import Hypervisor
from vmfit.v1.snapshot_pb2 import PartStatus
from vmfit_agent.collected_part import CollectedPart
from vmfit_contract.part_digest import digest
from vmfit_contract.revisions import give_names, take_names


class _Learnt(NamedTuple):
    """A hypervisor part as it was collected, as it is told, and what was taken out of it."""

    collected: CollectedPart
    told: CollectedPart
    names: list[LibvirtIdentity]


class _Named(NamedTuple):
    """An identity as it was collected, whose names it was given, and as it is told."""

    collected: CollectedPart
    learnt: _Learnt
    told: CollectedPart


class LibvirtNames:
    """Moves names from one part to the other; does so once for each collection of either.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._learnt: _Learnt | None = None
        self._named: _Named | None = None

    def moved(
        self, parts: dict[str, CollectedPart], latest: CollectedPart | None
    ) -> dict[str, CollectedPart]:
        """Return parts as they are told; `latest` is the hypervisor part collected last."""
        found = parts.get("hypervisor")
        learnt = self._learn(found if found is not None and found.message is not None else latest)
        if learnt is None:
            return parts
        told = dict(parts)
        if found is learnt.collected:
            told["hypervisor"] = learnt.told
        if "identity" in told:
            told["identity"] = self._name(told["identity"], learnt)
        return told

    def _learn(self, hypervisor: CollectedPart | None) -> _Learnt | None:
        if hypervisor is None or not isinstance(hypervisor.message, Hypervisor):
            return None
        known = self._learnt
        if known is None or known.collected is not hypervisor:
            message = Hypervisor()
            message.CopyFrom(hypervisor.message)
            names = take_names(message)
            known = self._learnt = _Learnt(hypervisor, _with(hypervisor, message), names)
        return known

    def _name(self, identity: CollectedPart, learnt: _Learnt) -> CollectedPart:
        if not isinstance(identity.message, Identity):
            return identity
        known = self._named
        if known is None or known.collected is not identity or known.learnt is not learnt:
            message = Identity()
            message.CopyFrom(identity.message)
            give_names(message, learnt.names)
            known = self._named = _Named(identity, learnt, _with(identity, message))
        return known.told


def _with(part: CollectedPart, message: Hypervisor | Identity) -> CollectedPart:
    status = PartStatus()
    status.CopyFrom(part.status)
    status.digest = digest(message)
    return part._replace(message=message, status=status)
