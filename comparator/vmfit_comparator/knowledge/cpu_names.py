"""CPU feature and vendor names: one name for one bit, whoever spelt it.

libvirt's spelling is the canonical one; the kernel's and QEMU's are aliases of it.
"""

from collections.abc import Iterable

_ALIASES = {
    "3dnow_prefetch": "3dnowprefetch",
    "amd_no_ssb": "amd-no-ssb",
    "amd_ssbd": "amd-ssbd",
    "amd_stibp": "amd-stibp",
    "arch_capabilities": "arch-capabilities",
    "avx512_4fmaps": "avx512-4fmaps",
    "avx512_4vnniw": "avx512-4vnniw",
    "avx512_bf16": "avx512-bf16",
    "avx512_bitalg": "avx512bitalg",
    "avx512_fp16": "avx512-fp16",
    "avx512_vbmi": "avx512vbmi",
    "avx512_vbmi2": "avx512vbmi2",
    "avx512_vnni": "avx512vnni",
    "avx512_vp2intersect": "avx512-vp2intersect",
    "avx512_vpopcntdq": "avx512-vpopcntdq",
    "avx_vnni": "avx-vnni",
    "bus_lock_detect": "bus-lock-detect",
    "cmp-legacy": "cmp_legacy",
    "core_capabilities": "core-capability",
    "cqm": "cmt",
    "cqm_mbm_local": "mbm_local",
    "cqm_mbm_total": "mbm_total",
    "cr8_legacy": "cr8legacy",
    "ds-cpl": "ds_cpl",
    "ffxsr": "fxsr_opt",
    "flush_l1d": "flush-l1d",
    "fxsr-opt": "fxsr_opt",
    "i64": "lm",
    "ibrs_all": "ibrs-all",
    "intel_pt": "intel-pt",
    "lahf-lm": "lahf_lm",
    "md_clear": "md-clear",
    "nodeid-msr": "nodeid_msr",
    "nrip_save": "nrip-save",
    "overflow_recov": "overflow-recov",
    "pausefilter": "pause-filter",
    "pclmulqdq": "pclmuldq",
    "perfctr-core": "perfctr_core",
    "perfctr-nb": "perfctr_nb",
    "sha_ni": "sha-ni",
    "split_lock_detect": "split-lock-detect",
    "sse3": "pni",
    "sse4-1": "sse4.1",
    "sse4-2": "sse4.2",
    "sse4_1": "sse4.1",
    "sse4_2": "sse4.2",
    "svm_lock": "svm-lock",
    "tsc-adjust": "tsc_adjust",
    "tsc_deadline": "tsc-deadline",
    "tsc_deadline_timer": "tsc-deadline",
    "tsc_scale": "tsc-scale",
    "v_vmsave_vmload": "v-vmsave-vmload",
    "virt_ssbd": "virt-ssbd",
    "vmcb_clean": "vmcb-clean",
    "xd": "nx",
}
_VENDORS = {
    "GenuineIntel": "Intel",
    "AuthenticAMD": "AMD",
    "HygonGenuine": "Hygon",
    "CentaurHauls": "Centaur",
    "  Shanghai  ": "Zhaoxin",
}

# QEMU has no property for these, so libvirt never asks for them (virQEMUCapsCPUFilterFeatures).
NEVER_ASKED = frozenset(("cmt", "mbm_local", "mbm_total", "osxsave", "ospke", "pconfig"))

# Speed hints that a guest could live without; libvirt's full check refuses their loss all the same.
HINTS = frozenset(("erms", "fsrm", "fzrm", "fsrs", "fsrc"))

# Features that hypervisors dropped from models since: libvirt does not ask for them unless the
# definition names them itself (removed='yes' in its CPU map).
REMOVED_FROM_MODELS = {
    "Dhyana": "monitor",
    "EPYC": "monitor",
    "EPYC-IBPB": "monitor",
    "Icelake-Client": "intel-pt",
    "Icelake-Client-noTSX": "intel-pt",
    "Icelake-Server": "intel-pt",
    "Icelake-Server-noTSX": "intel-pt",
    "Opteron_G3": "monitor",
}

# KVM gives these to every guest, whether the host has or lists them (kvm_arch_get_supported_cpuid).
_KVM_ALWAYS_NAMES = """
hypervisor arat ht mtrr pat mce mca topoext overflow-recov succor x2apic tsc-deadline
kvm-hint-dedicated
"""
KVM_ALWAYS = frozenset(_KVM_ALWAYS_NAMES.split())

# KVM can give these, and QEMU leaves them out of its best CPU all the same (no_autoenable_flags).
NOT_IN_HOST_MODELS = frozenset(("ht", "topoext", "kvm-hint-dedicated"))


def canonical(names: Iterable[str]) -> frozenset[str]:
    """Return the features by libvirt's names."""
    found = frozenset(names)
    aliases = found.intersection(_ALIASES)
    return found - aliases | {_ALIASES[name] for name in aliases} if aliases else found


def vendor_name(vendor: str) -> str:
    """Return libvirt's word ("Intel") for a CPUID vendor ("GenuineIntel"); other names stay."""
    return _VENDORS.get(vendor, vendor)
