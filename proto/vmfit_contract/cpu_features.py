"""CPU features: one object for each bit of CPUID or of a feature MSR, found by anybody's name.

A feature that is no bit known here (of other architectures; newer than `cpu_table`) is its name: a
`Feature` of a kind of its own, which compares like any other.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple, TypeAlias

from vmfit_contract.cpu_table import CONTROL_MSR, CPUID, KERNEL_NAMES, MSR, QEMU_NAMES

Leaves: TypeAlias = Mapping[tuple[int, int], tuple[int, int, int, int]]
"""EAX, EBX, ECX and EDX by leaf and subleaf."""

HYPERVISOR_LEAVES = range(0x40000000, 0x50000000)
"""Leaves that a hypervisor answers: of KVM's offer, or of a host that is a guest itself."""

_REGISTERS = ("eax", "ebx", "ecx", "edx")


class Cpuid(NamedTuple):
    """A register that CPUID answers."""

    leaf: int
    subleaf: int
    register: str
    """"eax", "ebx", "ecx" or "edx"."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"CPUID {self.leaf:#x}.{self.subleaf} {self.register.upper()}"


class Msr(NamedTuple):
    """A model-specific register that holds features."""

    address: int
    announced_by: str
    """The feature without which a processor lacks the register."""
    is_control: bool
    """The upper half says which bits may be 1, the lower half which must be."""

    def __str__(self) -> str:
        """Return it in words."""
        return f"MSR {self.address:#x}"


class Bit:
    """A feature of x86; there is one object for each bit, so that sets of them are fast."""

    __slots__ = ("name", "number", "place")

    def __init__(self, place: Cpuid | Msr, number: int, name: str) -> None:
        """`name` is libvirt's; QEMU's where libvirt has none."""
        self.place = place
        self.number = number
        self.name = name

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    @property
    def qemu_names(self) -> tuple[str, ...]:
        """QEMU's names: its own, then the others that it takes."""
        own = self.name.replace("_", "-")
        return tuple(QEMU_NAMES.get(self.name, own).split())

    @property
    def kernel_name(self) -> str:
        """The kernel's name, if it has one."""
        own = self.name.replace("-", "_").replace(".", "_")
        return KERNEL_NAMES.get(self.name, own)


Feature: TypeAlias = Bit | str
"""What can be compared; `str()` gives the name for people in either case."""


def _words(text: str) -> Iterator[tuple[int, str]]:
    number = 0
    for word in text.split():
        if word.isdigit():
            number = int(word)
            continue
        if word != ".":
            yield number, word
        number += 1


def _bits(place: Cpuid | Msr, text: str) -> tuple[Bit, ...]:
    return tuple(Bit(place, number, name) for number, name in _words(text))


CPUID_BITS: Mapping[Cpuid, tuple[Bit, ...]] = {
    place: _bits(place, text)
    for leaf, subleaf, register, text in CPUID
    for place in (Cpuid(leaf, subleaf, register),)
}
MSR_BITS: Mapping[Msr, tuple[Bit, ...]] = {
    place: _bits(place, text)
    for table, is_control in ((MSR, False), (CONTROL_MSR, True))
    for address, announced_by, text in table
    for place in (Msr(address, announced_by, is_control),)
}
FEATURE_MSRS = tuple(sorted(place.address for place in MSR_BITS))
"""The indexes of the model-specific registers that hold features."""
BITS = tuple(bit for bits in (*CPUID_BITS.values(), *MSR_BITS.values()) for bit in bits)
"""All bits that have a name."""


def _names(bit: Bit) -> Iterator[str]:
    for name in (bit.kernel_name, *bit.qemu_names):
        yield name
        # QEMU takes "_" for "-" in any name.
        yield name.replace("-", "_")


class _ByName(dict[str, Feature]):
    """Features by name; an unknown name is its own feature."""

    def __missing__(self, name: str) -> Feature:
        return name


@cache
def _by_name() -> _ByName:
    by_name = _ByName({name: bit for bit in BITS for name in _names(bit)})
    # libvirt's names last: they are what other families' names must not hide.
    by_name.update({bit.name: bit for bit in BITS})
    return by_name


def feature(name: str) -> Feature:
    """Return the feature that libvirt, QEMU or the kernel call so."""
    return _by_name()[name]


def features(names: Iterable[str]) -> frozenset[Feature]:
    """Return the features that libvirt, QEMU or the kernel call so; two names of a bit are one."""
    return frozenset(map(_by_name().__getitem__, names))


def names(found: Iterable[Feature]) -> list[str]:
    """Return the features' names for people, sorted: libvirt's where it has one."""
    return sorted(map(str, found))


def is_hypervisors(which: Feature) -> bool:
    """Tell whether a hypervisor makes the feature up for its guests, such as KVM's clock."""
    place = which.place if isinstance(which, Bit) else None
    return isinstance(place, Cpuid) and place.leaf in HYPERVISOR_LEAVES


def own_leaves(leaves: Leaves) -> Leaves:
    """Return the leaves of the processor itself, without those of a hypervisor."""
    return {
        place: registers for place, registers in leaves.items() if place[0] not in HYPERVISOR_LEAVES
    }


def cpuid_features(leaves: Leaves) -> set[Bit]:
    """Return the features that one CPU's leaves show."""
    found = set()
    for place, bits in CPUID_BITS.items():
        registers = leaves.get((place.leaf, place.subleaf))
        if registers is not None:
            found |= _set_bits(registers[_REGISTERS.index(place.register)], bits)
    return found


def msr_features(msrs: Mapping[int, int], present: Iterable[Feature]) -> set[Bit]:
    """Return the features that a CPU's feature MSRs, values by index, show.

    Without the feature among `present` that announces it a register counts for nothing: KVM
    emulates some for guests of processors that lack them. A control is a feature when a guest's
    hypervisor may set it and may leave it.
    """
    announced = set(map(str, present))
    found = set()
    for place, bits in MSR_BITS.items():
        value = msrs.get(place.address)
        if value is not None and place.announced_by in announced:
            found |= _set_bits(value >> 32 & ~value if place.is_control else value, bits)
    return found


def _set_bits(value: int, bits: Iterable[Bit]) -> set[Bit]:
    return {bit for bit in bits if value >> bit.number & 1}
