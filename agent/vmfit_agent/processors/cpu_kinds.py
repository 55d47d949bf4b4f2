"""Sorts a host's CPUs into kinds by what CPUID answers on each."""

from collections.abc import Collection
from typing import NamedTuple

from vmfit_agent.host import Host
from vmfit_agent.processors import cpuid
from vmfit_agent.processors.cpuid import Leaves, Registers
from vmfit_contract.cpu_features import own_leaves

_NOTHING: Registers = (0, 0, 0, 0)
_CORE_TYPES = {0x20: "atom", 0x40: "core"}
_HYBRID_BIT = 1 << 15


class Kind(NamedTuple):
    """CPUs that answer alike."""

    cpu_ids: list[int]
    leaves: Leaves
    """As the first of them answers."""

    @property
    def core_type(self) -> str | None:
        """Return "core" or "atom" on a hybrid processor.

        Source: CPUID 0x1A EAX (Intel SDM volume 2A).
        """
        if not self.leaves.get((7, 0), _NOTHING)[3] & _HYBRID_BIT:
            return None
        return _CORE_TYPES.get(self.leaves.get((0x1A, 0), _NOTHING)[0] >> 24)


def read_kinds(host: Host, cpu_ids: Collection[int]) -> list[Kind]:
    """Return the kinds, by their first CPU; none where CPUID cannot be read.

    Warns of CPUs that could not be asked while others could.
    """
    kinds: dict[frozenset[tuple[tuple[int, int], Registers]], Kind] = {}
    silent: list[str] = []
    for cpu in cpu_ids:
        try:
            leaves = cpuid.read(f"{host.root}/dev/cpu/{cpu}/cpuid")
        except OSError as error:
            silent.append(f"/dev/cpu/{cpu}/cpuid: {error.strerror}")
            continue
        # A hypervisor may tell each virtual CPU its own number or time in its leaves.
        likeness = frozenset(without_ids(own_leaves(leaves)).items())
        kinds.setdefault(likeness, Kind([], leaves)).cpu_ids.append(cpu)
    if silent:
        others = f" (and {len(silent) - 1} more CPUs)" if len(silent) > 1 else ""
        host.warn(f"{silent[0]}{others}; {'other CPUs were asked' if kinds else 'CPUID unknown'}")
    return list(kinds.values())


def without_ids(leaves: Leaves) -> dict[tuple[int, int], Registers]:
    """Return the leaves without what differs between CPUs of one kind, or from call to call.

    That is the ids of CPU, core and node, and the size of the state in use.
    """
    return {place: _without_id(place, registers) for place, registers in leaves.items()}


def _without_id(place: tuple[int, int], registers: Registers) -> Registers:
    leaf, subleaf = place
    eax, ebx, ecx, edx = registers
    if leaf == 0x1:
        return eax, ebx & 0x00FFFFFF, ecx, edx
    if leaf == 0x6:
        # The row of this CPU in the hardware feedback table.
        return eax, ebx, ecx, edx & 0xFFFF
    if leaf in {0xB, 0x1F, 0x80000026}:
        return eax, ebx, ecx, 0
    if leaf == 0xD and subleaf < 2:
        return eax, 0, ecx, edx
    if leaf == 0x8000001E:
        return _NOTHING
    return registers
