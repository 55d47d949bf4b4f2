"""CPU features that libvirt, QEMU or KVM treat in a way of their own."""

from vmfit_contract.cpu_features import MSR_BITS, Feature, feature, features

INVARIANT_TSC = feature("invtsc")
VMX = feature("vmx")
NESTED_VMX: frozenset[Feature] = frozenset(
    bit for place, bits in MSR_BITS.items() if place.announced_by == "vmx" for bit in bits
)
TSX = features(("hle", "rtm"))

# QEMU has no property for these, so libvirt never asks for them (virQEMUCapsCPUFilterFeatures).
NEVER_ASKED = features(("cmt", "mbm_local", "mbm_total", "osxsave", "ospke", "pconfig"))

# Speed hints that a guest could live without; libvirt's full check refuses their loss all the same.
HINTS = features(("erms", "fsrm", "fzrm", "fsrs", "fsrc"))

# Instructions that keep no state of their own and that no control of KVM's forbids: a guest goes on
# using them where the processor has them, whatever CPUID tells it.
_INSTRUCTION_NAMES = """
3dnowprefetch abm adx aes avx-vnni avx2 avx512-bf16 avx512-fp16 avx512-vp2intersect
avx512-vpopcntdq avx512bitalg avx512bw avx512cd avx512dq avx512ifma avx512vbmi avx512vbmi2 avx512vl
avx512vnni bmi1 bmi2 cldemote clflushopt clwb clzero cx16 f16c fma fma4 gfni lahf_lm movbe movdir64b
movdiri pclmuldq pni popcnt serialize sha-ni sse4.1 sse4.2 sse4a ssse3 tbm vaes vpclmulqdq xop
"""
INSTRUCTIONS = features(_INSTRUCTION_NAMES.split())

# QEMU gives these to every guest of KVM, whether the host has or KVM lists them
# (kvm_arch_get_supported_cpuid).
_KVM_ALWAYS_NAMES = """
hypervisor arat ht mtrr pat mce mca topoext overflow-recov succor x2apic tsc-deadline
kvm-hint-dedicated
"""
KVM_ALWAYS = features(_KVM_ALWAYS_NAMES.split())

# KVM can give these, and QEMU leaves them out of its best CPU all the same (no_autoenable_flags).
NOT_IN_HOST_MODELS = features(("ht", "topoext", "kvm-hint-dedicated"))

# QEMU takes these from the processor when KVM does not list them; it did not always.
FROM_PROCESSOR = HINTS | {feature("mcdt-no")}

# With -overcommit cpu-pm=on QEMU gives the first although KVM does not list it; the others it adds
# for kernels that forgot to tell them (kvm_arch_get_supported_msr_feature).
_PERHAPS_BEYOND_KVM_NAMES = """
monitor vmx-xsaves vmx-rdrand-exit vmx-invpcid-exit vmx-rdseed-exit vmx-rdtscp-exit
"""
PERHAPS_BEYOND_KVM = features(_PERHAPS_BEYOND_KVM_NAMES.split())

# QEMU infers the one from all the others.
FB_CLEAR = feature("fb-clear")
IMPLY_FB_CLEAR = features(("mds-no", "taa-no", "sbdr-ssdp-no", "fbsdp-no", "psdp-no"))
