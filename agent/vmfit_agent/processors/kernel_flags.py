"""What the flags in /proc/cpuinfo prove of an x86 processor, where CPUID cannot be read."""

from collections.abc import Iterable, Mapping

from vmfit_contract.cpu_features import CPUID_BITS, Bit

# Features whose bit the kernel does not show, or shows merged with others or made up by itself.
_NOT_SHOWN = frozenset({
    "spec-ctrl", "stibp", "ssbd", "ibpb", "ibrs", "amd-stibp", "amd-ssbd", "virt-ssbd",
    "amd-no-ssb", "stibp-always-on", "amd-psfd", "auto-ibrs", "invtsc", "mbm_total", "mbm_local",
    "osxsave", "sgx1", "sgx2", "vnmi", "intel-psfd", "perfmon-v2", "xfd",
})  # fmt: skip

_BY_FLAG: Mapping[str, Bit] = {
    bit.kernel_name: bit
    for bits in CPUID_BITS.values()
    for bit in bits
    if bit.name not in _NOT_SHOWN
}


def features_of_kernel_flags(flags: Iterable[str]) -> set[Bit]:
    """Return the features that words of /proc/cpuinfo's flags prove.

    Words that the kernel makes up or merges prove none, so features of mitigations are missing.
    """
    return {_BY_FLAG[flag] for flag in flags if flag in _BY_FLAG}
