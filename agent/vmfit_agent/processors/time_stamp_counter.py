"""Finds the frequency of an x86 processor's time stamp counter."""

from vmfit.v1.cpu_pb2 import TimeStampCounter
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_count
from vmfit_agent.processors.cpuid import Leaves
from vmfit_agent.processors.kvm import Kvm
from vmfit_agent.virtualization.host_capabilities import host_capabilities


def read_time_stamp_counter(host: Host, leaves: Leaves, answers: Kvm | None) -> TimeStampCounter:
    """Return what the first source that tells says; fields that none tells are absent.

    KVM comes first: libvirt gets its number there.
    """
    tsc = TimeStampCounter()
    if (0x80000007, 0) in leaves:
        tsc.invariant = bool(leaves[0x80000007, 0][3] >> 8 & 1)
    frequency: int | None
    scaling: bool | None
    if answers is not None and answers.tsc_frequency_hz is not None:
        frequency, scaling = answers.tsc_frequency_hz, answers.tsc_scaling
    else:
        told = host_capabilities(host)
        frequency, scaling = told.tsc_frequency_hz, told.tsc_scaling
    frequency = frequency or _frequency_of_kernel(host) or _frequency_of_cpuid(leaves)
    if frequency:
        tsc.frequency_hz = frequency
    if scaling is not None:
        tsc.scaling = scaling
    return tsc


def _frequency_of_kernel(host: Host) -> int | None:
    kilohertz = read_count(host, "sys/devices/system/cpu/cpu0/tsc_freq_khz")
    return kilohertz * 1000 if kilohertz is not None and kilohertz < 1 << 32 else None


def _frequency_of_cpuid(leaves: Leaves) -> int | None:
    denominator, numerator, crystal_hz, _ = leaves.get((0x15, 0), (0, 0, 0, 0))
    return crystal_hz * numerator // denominator if denominator else None
