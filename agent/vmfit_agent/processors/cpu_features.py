"""The x86 features that libvirt names: where each is found in CPUID or in a feature MSR."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from vmfit_agent.processors.cpuid import Leaves

_REGISTERS = ("eax", "ebx", "ecx", "edx")

# Leaf, subleaf, register: the bits' names from bit 0 up, a dot for a bit without a name, a number
# for the bit that the next name stands for. Each bit has one name, as libvirt spells it; the bits
# of 0x80000001 EDX that AMD copies from leaf 1 have none.
# Source: Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E; libvirt's documentation.
_CPUID: tuple[tuple[int, int, str, str], ...] = (
    (0x1, 0, "edx",
     """fpu vme de pse tsc msr pae mce cx8 apic . sep mtrr pge mca cmov pat pse36 pn clflush .
     ds acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"""),
    (0x1, 0, "ecx",
     """pni pclmuldq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid . fma cx16 xtpr pdcm .
     pcid dca sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave osxsave avx f16c
     rdrand hypervisor"""),
    (0x6, 0, "eax", "2 arat"),
    (0x7, 0, "ebx",
     """fsgsbase tsc_adjust sgx bmi1 hle avx2 fdp-excptn-only smep bmi2 erms invpcid rtm cmt
     zero-fcs-fds mpx . avx512f avx512dq rdseed adx smap avx512ifma pcommit clflushopt clwb
     intel-pt avx512pf avx512er avx512cd sha-ni avx512bw avx512vl"""),
    (0x7, 0, "ecx",
     """1 avx512vbmi umip pku ospke waitpkg avx512vbmi2 . gfni vaes vpclmulqdq
     avx512vnni avx512bitalg . avx512-vpopcntdq . la57 22 rdpid . bus-lock-detect cldemote .
     movdiri movdir64b . sgxlc pks"""),
    (0x7, 0, "edx",
     """2 avx512-4vnniw avx512-4fmaps fsrm 8 avx512-vp2intersect . md-clear
     14 serialize . tsx-ldtrk . pconfig arch-lbr 22 amx-bf16 avx512-fp16
     amx-tile amx-int8 spec-ctrl stibp flush-l1d arch-capabilities core-capability ssbd"""),
    (0x7, 1, "eax",
     """sha512 sm3 sm4 . avx-vnni avx512-bf16 . cmpccxadd 10 fzrm fsrs fsrc 17 fred lkgs wrmsrns
     21 amx-fp16 23 avx-ifma 26 lam"""),
    (0x7, 1, "edx",
     "4 avx-vnni-int8 avx-ne-convert 8 amx-complex 10 avx-vnni-int16 14 prefetchiti"),
    (0x7, 2, "edx", "intel-psfd ipred-ctrl rrsba-ctrl ddpd-u bhi-ctrl mcdt-no"),
    (0xD, 1, "eax", "xsaveopt xsavec xgetbv1 xsaves xfd"),
    (0xF, 1, "edx", "1 mbm_total mbm_local"),
    (0x12, 0, "eax", "sgx1 sgx2"),
    (0x12, 0, "ebx", "sgx-exinfo"),
    (0x12, 1, "eax", "1 sgx-debug sgx-mode64 4 sgx-provisionkey sgx-tokenkey 7 sgx-kss"),
    (0x14, 0, "ecx", "31 intel-pt-lip"),
    (0x80000001, 0, "ecx",
     """lahf_lm cmp_legacy svm extapic cr8legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop
     skinit wdt . lwp fma4 tce cvt16 nodeid_msr . tbm topoext perfctr_core perfctr_nb"""),
    (0x80000001, 0, "edx",
     "11 syscall 20 nx 22 mmxext 25 fxsr_opt pdpe1gb rdtscp 29 lm 3dnowext 3dnow"),
    (0x80000007, 0, "ebx", "overflow-recov succor"),
    (0x80000007, 0, "edx", "8 invtsc"),
    (0x80000008, 0, "ebx",
     """clzero . xsaveerptr 9 wbnoinvd 12 ibpb 14 ibrs amd-stibp 17 stibp-always-on 24 amd-ssbd
     virt-ssbd amd-no-ssb 28 amd-psfd"""),
    (0x8000000A, 0, "edx",
     """npt lbrv svm-lock nrip-save tsc-scale vmcb-clean flushbyasid decodeassists 10 pause-filter
     12 pfthreshold avic 15 v-vmsave-vmload vgif 25 vnmi 28 svme-addr-chk"""),
    (0x80000021, 0, "eax",
     """no-nested-data-bp . lfence-always-serializing 6 null-sel-clr-base 8 auto-ibrs 20 prefetchi
     27 sbpb ibpb-brtype srso-no srso-user-kernel-no"""),
    (0x80000022, 0, "eax", "perfmon-v2"),
)  # fmt: skip

# As above, for the 64 bits of a model-specific register.
_MSR: tuple[tuple[int, str], ...] = (
    (0x10A,
     """rdctl-no ibrs-all rsba skip-l1dfl-vmentry ssb-no mds-no pschange-mc-no tsx-ctrl taa-no
     13 sbdr-ssdp-no fbsdp-no psdp-no 17 fb-clear 20 bhi-no 24 pbrsb-no 26 gds-no rfds-no
     rfds-clear 62 its-no"""),
    (0xCF, "5 split-lock-detect"),
)  # fmt: skip

FEATURE_MSRS = tuple(index for index, _ in _MSR)
"""The model-specific registers that hold features."""

MSR_ANNOUNCED_BY = MappingProxyType({0x10A: "arch-capabilities", 0xCF: "core-capability"})
"""The features without which a processor has none of these registers."""

# Kernel names that differ by more than "_" for "-" and ".".
_KERNEL_NAMES = MappingProxyType({
    "pclmuldq": "pclmulqdq", "tsc-deadline": "tsc_deadline_timer", "ds": "dts",
    "cr8legacy": "cr8_legacy", "avx512vbmi2": "avx512_vbmi2", "avx512vnni": "avx512_vnni",
    "avx512bitalg": "avx512_bitalg", "tsx-ldtrk": "tsxldtrk", "pause-filter": "pausefilter",
    "cmt": "cqm", "sgxlc": "sgx_lc",
})  # fmt: skip

# Features whose bit the kernel does not show, or shows merged with others or made up by itself.
_NOT_SHOWN = frozenset({
    "spec-ctrl", "stibp", "ssbd", "ibpb", "ibrs", "amd-stibp", "amd-ssbd", "virt-ssbd",
    "amd-no-ssb", "stibp-always-on", "amd-psfd", "auto-ibrs", "invtsc", "mbm_total", "mbm_local",
    "osxsave", "sgx1", "sgx2", "vnmi", "intel-psfd", "perfmon-v2", "xfd",
})  # fmt: skip


def bit_names(words: str) -> Iterator[tuple[int, str]]:
    """Yield the bits and names that the words of a table stand for."""
    bit = 0
    for word in words.split():
        if word.isdigit():
            bit = int(word)
            continue
        if word != ".":
            yield bit, word
        bit += 1


CPUID_FEATURES: Mapping[str, tuple[int, int, str, int]] = MappingProxyType(
    {
        name: (leaf, subleaf, register, bit)
        for leaf, subleaf, register, words in _CPUID
        for bit, name in bit_names(words)
    }
)
"""Leaf, subleaf, register and bit by name."""

MSR_FEATURES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {name: (index, bit) for index, words in _MSR for bit, name in bit_names(words)}
)
"""Register index and bit by name."""

_BY_LEAF: Mapping[tuple[int, int], tuple[tuple[int, tuple[tuple[int, str], ...]], ...]] = {
    place: tuple(
        (_REGISTERS.index(register), tuple(bit_names(words)))
        for leaf, subleaf, register, words in _CPUID
        if (leaf, subleaf) == place
    )
    for place in {(leaf, subleaf) for leaf, subleaf, _, _ in _CPUID}
}

_BY_KERNEL_NAME: Mapping[str, str] = {
    _KERNEL_NAMES.get(name, name.replace("-", "_").replace(".", "_")): name
    for name in CPUID_FEATURES
    if name not in _NOT_SHOWN
}


def cpuid_features(leaves: Leaves) -> set[str]:
    """Return the names of the features that one CPU's leaves show."""
    return {
        name
        for place, registers in _BY_LEAF.items()
        if place in leaves
        for register, names in registers
        for bit, name in names
        if leaves[place][register] >> bit & 1
    }


def msr_features(msrs: Mapping[int, int]) -> set[str]:
    """Return the names of the features that a CPU's feature MSRs show."""
    return {name for name, (index, bit) in MSR_FEATURES.items() if msrs.get(index, 0) >> bit & 1}


def features_of_kernel_flags(flags: Iterable[str]) -> set[str]:
    """Return the features that words of /proc/cpuinfo's flags prove.

    Words that the kernel makes up or merges prove none, so features of mitigations are missing.
    """
    return {_BY_KERNEL_NAME[flag] for flag in flags if flag in _BY_KERNEL_NAME}
