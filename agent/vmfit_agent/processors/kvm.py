"""Asks KVM what it can give to guests."""

import errno
import fcntl
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple

from vmfit_agent.processors.cpuid import Registers

# Documentation/virt/kvm/api.rst; the numbers are those of <linux/kvm.h>.
_GET_API_VERSION = 0xAE00
_CREATE_VM = 0xAE01
_CHECK_EXTENSION = 0xAE03
_CREATE_VCPU = 0xAE41
_GET_TSC_KHZ = 0xAEA3
_GET_SUPPORTED_CPUID = 0xC008AE05
_GET_MSR_FEATURE_INDEX_LIST = 0xC004AE0A
_GET_MSRS = 0xC008AE88
_CAP_HYPERV = 44
_CAP_TSC_CONTROL = 60
_CAP_GET_TSC_KHZ = 61
_CAP_MAX_VCPUS = 66
_CAP_X86_SMM = 117
_CAP_GET_MSR_FEATURES = 153
_API_VERSION = 12

_ENTRY = struct.Struct("=7I3I")
_MSR = struct.Struct("=IIQ")
_MAXIMUM_ENTRIES = 256


class Kvm(NamedTuple):
    """KVM's answers; None and empty where it does not say."""

    supported_leaves: Mapping[tuple[int, int], Registers] = MappingProxyType({})
    feature_msrs: Mapping[int, int] = MappingProxyType({})
    maximum_vcpu_count: int | None = None
    tsc_frequency_hz: int | None = None
    tsc_scaling: bool | None = None
    hyperv: bool | None = None
    smm: bool | None = None


def is_usable(path: str) -> bool | None:
    """Return whether KVM's device opens and speaks the one stable API version.

    None when this process may not open it: others may.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except PermissionError:
        return None
    except OSError:
        return False
    try:
        return fcntl.ioctl(descriptor, _GET_API_VERSION) == _API_VERSION
    except OSError:
        return False
    finally:
        os.close(descriptor)


def read(path: str, *, x86: bool) -> Kvm:
    """Return what KVM says; only x86 has more than the number of virtual CPUs.

    Raises OSError when the device cannot be opened or is not KVM.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if fcntl.ioctl(descriptor, _GET_API_VERSION) != _API_VERSION:
            raise OSError(errno.ENOTSUP, "not KVM's stable API", path)
        vcpus = fcntl.ioctl(descriptor, _CHECK_EXTENSION, _CAP_MAX_VCPUS)
        if not x86:
            return Kvm(maximum_vcpu_count=vcpus or None)
        return Kvm(
            supported_leaves=_supported_leaves(descriptor),
            feature_msrs=_feature_msrs(descriptor),
            maximum_vcpu_count=vcpus or None,
            tsc_frequency_hz=_tsc_frequency_hz(descriptor),
            tsc_scaling=bool(fcntl.ioctl(descriptor, _CHECK_EXTENSION, _CAP_TSC_CONTROL)),
            hyperv=bool(fcntl.ioctl(descriptor, _CHECK_EXTENSION, _CAP_HYPERV)),
            smm=bool(fcntl.ioctl(descriptor, _CHECK_EXTENSION, _CAP_X86_SMM)),
        )
    finally:
        os.close(descriptor)


def _supported_leaves(descriptor: int) -> Mapping[tuple[int, int], Registers]:
    request = bytearray(8 + _ENTRY.size * _MAXIMUM_ENTRIES)
    struct.pack_into("=I", request, 0, _MAXIMUM_ENTRIES)
    fcntl.ioctl(descriptor, _GET_SUPPORTED_CPUID, request)
    return parse_supported_leaves(request)


def parse_supported_leaves(answer: bytes | bytearray) -> Mapping[tuple[int, int], Registers]:
    """Return the leaves of a struct kvm_cpuid2, ascending."""
    (count,) = struct.unpack_from("=I", answer)
    leaves = {}
    for place in range(min(count, _MAXIMUM_ENTRIES)):
        function, index, _, eax, ebx, ecx, edx, *_ = _ENTRY.unpack_from(
            answer, 8 + place * _ENTRY.size
        )
        leaves[function, index] = (eax, ebx, ecx, edx)
    return dict(sorted(leaves.items()))


def _feature_msrs(descriptor: int) -> Mapping[int, int]:
    if not fcntl.ioctl(descriptor, _CHECK_EXTENSION, _CAP_GET_MSR_FEATURES):
        return {}
    indexes = bytearray(4 + 4 * _MAXIMUM_ENTRIES)
    struct.pack_into("=I", indexes, 0, _MAXIMUM_ENTRIES)
    fcntl.ioctl(descriptor, _GET_MSR_FEATURE_INDEX_LIST, indexes)
    (count,) = struct.unpack_from("=I", indexes)
    values = {}
    for index in struct.unpack_from(f"={min(count, _MAXIMUM_ENTRIES)}I", indexes, 4):
        # One at a time: KVM stops at the first that it refuses.
        request = bytearray(struct.pack("=II", 1, 0) + _MSR.pack(index, 0, 0))
        with suppress(OSError):
            if fcntl.ioctl(descriptor, _GET_MSRS, request) == 1:
                values[index] = _MSR.unpack_from(request, 8)[2]
    return dict(sorted(values.items()))


# Only a virtual CPU tells: of an empty machine, that lives as long as this function.
def _tsc_frequency_hz(descriptor: int) -> int | None:
    if not fcntl.ioctl(descriptor, _CHECK_EXTENSION, _CAP_GET_TSC_KHZ):
        return None
    try:
        machine = fcntl.ioctl(descriptor, _CREATE_VM, 0)
        try:
            vcpu = fcntl.ioctl(machine, _CREATE_VCPU, 0)
            try:
                return fcntl.ioctl(vcpu, _GET_TSC_KHZ) * 1000 or None
            finally:
                os.close(vcpu)
        finally:
            os.close(machine)
    except OSError:
        return None
