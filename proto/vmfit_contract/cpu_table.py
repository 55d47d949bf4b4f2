"""The table of x86 CPU features: what each bit of CPUID and of the feature MSRs is called.

Words stand for the bits of a register from bit 0 up: libvirt's name of the bit (QEMU's where
libvirt has none), a dot for a bit without a name, a number for the bit of the next word.
To add a feature, put its name in its register's line; if QEMU or the kernel spell it otherwise than
with "-" or "_", add it below too.

Source: Intel SDM volume 2A, CPUID, and volume 4; AMD APM volume 3, appendix E; Linux
Documentation/virt/kvm/x86/cpuid.rst; Hyper-V TLFS, feature discovery; libvirt's and QEMU's
documentation of features.
"""

from types import MappingProxyType

# Leaf, subleaf, register. AMD repeats many bits of leaf 1 EDX in 0x80000001 EDX: those have no
# names here, so that each feature is one bit.
CPUID: tuple[tuple[int, int, str, str], ...] = (
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
     """1 avx512vbmi umip pku ospke waitpkg avx512vbmi2 cet-ss gfni vaes vpclmulqdq
     avx512vnni avx512bitalg . avx512-vpopcntdq . la57 22 rdpid . bus-lock-detect cldemote .
     movdiri movdir64b . sgxlc pks"""),
    (0x7, 0, "edx",
     """2 avx512-4vnniw avx512-4fmaps fsrm 8 avx512-vp2intersect . md-clear
     14 serialize . tsx-ldtrk . pconfig arch-lbr cet-ibt . amx-bf16 avx512-fp16
     amx-tile amx-int8 spec-ctrl stibp flush-l1d arch-capabilities core-capability ssbd"""),
    (0x7, 1, "eax",
     """sha512 sm3 sm4 . avx-vnni avx512-bf16 . cmpccxadd 10 fzrm fsrs fsrc 17 fred lkgs wrmsrns
     21 amx-fp16 23 avx-ifma 26 lam 31 movrs"""),
    (0x7, 1, "ecx", "5 msr-imm"),
    (0x7, 1, "edx",
     """4 avx-vnni-int8 avx-ne-convert 8 amx-complex 10 avx-vnni-int16 14 prefetchiti
     19 avx10 21 apxf"""),
    (0x7, 2, "edx", "intel-psfd ipred-ctrl rrsba-ctrl ddpd-u bhi-ctrl mcdt-no"),
    (0xD, 1, "eax", "xsaveopt xsavec xgetbv1 xsaves xfd"),
    (0xF, 1, "edx", "1 mbm_total mbm_local"),
    (0x12, 0, "eax", "sgx1 sgx2 11 sgx-edeccssa"),
    (0x12, 0, "ebx", "sgx-exinfo"),
    (0x12, 1, "eax",
     """1 sgx-debug sgx-mode64 4 sgx-provisionkey sgx-tokenkey 7 sgx-kss 10 sgx-aex-notify"""),
    (0x14, 0, "ecx", "31 intel-pt-lip"),
    (0x1E, 1, "eax",
     """amx-int8-alias amx-bf16-alias amx-complex-alias amx-fp16-alias amx-fp8 . amx-tf32
     amx-avx512 amx-movrs"""),
    (0x24, 0, "ebx", "16 avx10-128 avx10-256 avx10-512"),
    (0x24, 1, "ecx", "2 avx10-vnni-int"),
    (0x29, 0, "ebx", "apx-nci-ndd-nf"),
    (0x40000001, 0, "eax",
     """kvmclock kvm-nopiodelay kvm-mmu kvmclock2 kvm-asyncpf kvm-steal-time kvm-pv-eoi
     kvm-pv-unhalt . kvm-pv-tlb-flush kvm-asyncpf-vmexit kvm-pv-ipi kvm-poll-control
     kvm-pv-sched-yield kvm-asyncpf-int kvm-msi-ext-dest-id 24 kvmclock-stable-bit"""),
    (0x40000001, 0, "edx", "kvm-hint-dedicated"),
    (0x40000003, 0, "eax",
     """hv-runtime . hv-synic hv-stimer hv-vapic . hv-vpindex hv-reset . hv-time . hv-frequencies
     13 hv-reenlightenment"""),
    (0x40000003, 0, "edx",
     "4 hv-xmm-input 10 hv-crash 14 hv-tlbflush-ext 19 hv-stimer-direct"),
    (0x40000004, 0, "eax", "2 hv-tlbflush 5 hv-relaxed 9 hv-avic hv-ipi 14 hv-evmcs"),
    (0x4000000A, 0, "eax", "17 hv-tlbflush-direct 19 hv-emsr-bitmap"),
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
     12 pfthreshold avic 15 v-vmsave-vmload vgif gmet 25 vnmi 28 svme-addr-chk"""),
    (0x80000021, 0, "eax",
     """no-nested-data-bp fs-gs-base-ns lfence-always-serializing 5 verw-clear null-sel-clr-base
     8 auto-ibrs 20 prefetchi 24 eraps 27 sbpb ibpb-brtype srso-no srso-user-kernel-no"""),
    (0x80000021, 0, "ecx", "1 tsa-sq-no tsa-l1-no"),
    (0x80000022, 0, "eax", "perfmon-v2"),
    (0xC0000001, 0, "edx",
     "2 xstore xstore-en 6 xcrypt xcrypt-en ace2 ace2-en phe phe-en pmm pmm-en"),
)  # fmt: skip

# Index of a model-specific register, and the feature without which a processor lacks it.
MSR: tuple[tuple[int, str, str], ...] = (
    (0xCF, "core-capability", "5 split-lock-detect"),
    (0x10A, "arch-capabilities",
     """rdctl-no ibrs-all rsba skip-l1dfl-vmentry ssb-no mds-no pschange-mc-no tsx-ctrl taa-no
     13 sbdr-ssdp-no fbsdp-no psdp-no 17 fb-clear 20 bhi-no 24 pbrsb-no 26 gds-no rfds-no
     rfds-clear 62 its-no"""),
    (0x345, "pdcm", "13 full-width-write"),
    (0x480, "vmx", "54 vmx-ins-outs vmx-true-ctls vmx-any-errcode 58 vmx-nested-exception"),
    (0x485, "vmx",
     """5 vmx-store-lma vmx-activity-hlt vmx-activity-shutdown vmx-activity-wait-sipi
     29 vmx-vmwrite-vmexit-fields vmx-zero-len-inject"""),
    (0x48C, "vmx",
     """vmx-ept-execonly 6 vmx-page-walk-4 vmx-page-walk-5 vmx-ept-uc 14 vmx-ept-wb
     16 vmx-ept-2mb vmx-ept-1gb 20 vmx-invept vmx-eptad vmx-ept-advanced-exitinfo
     25 vmx-invept-single-context vmx-invept-all-context 32 vmx-invvpid 40 vmx-invvpid-single-addr
     vmx-invvpid-single-context vmx-invvpid-all-context vmx-invvpid-single-context-noglobals"""),
    (0x491, "vmx", "vmx-eptp-switching"),
)  # fmt: skip

# As above, of controls: the upper half says which may be 1, the lower half which must be.
CONTROL_MSR: tuple[tuple[int, str, str], ...] = (
    (0x48B, "vmx",
     """vmx-apicv-xapic vmx-ept vmx-desc-exit vmx-rdtscp-exit vmx-apicv-x2apic vmx-vpid
     vmx-wbinvd-exit vmx-unrestricted-guest vmx-apicv-register vmx-apicv-vid vmx-ple
     vmx-rdrand-exit vmx-invpcid-exit vmx-vmfunc vmx-shadow-vmcs vmx-encls-exit vmx-rdseed-exit
     vmx-pml 20 vmx-xsaves 22 vmx-mbec 25 vmx-tsc-scaling vmx-enable-user-wait-pause"""),
    (0x48D, "vmx",
     "vmx-intr-exit 3 vmx-nmi-exit 5 vmx-vnmi vmx-preemption-timer vmx-posted-intr"),
    (0x48E, "vmx",
     """2 vmx-vintr-pending vmx-tsc-offset 7 vmx-hlt-exit 9 vmx-invlpg-exit vmx-mwait-exit
     vmx-rdpmc-exit vmx-rdtsc-exit 15 vmx-cr3-load-noexit vmx-cr3-store-noexit
     19 vmx-cr8-load-exit vmx-cr8-store-exit vmx-flexpriority vmx-vnmi-pending vmx-movdr-exit
     vmx-io-exit vmx-io-bitmap 27 vmx-mtf vmx-msr-bitmap vmx-monitor-exit vmx-pause-exit
     vmx-secondary-ctls"""),
    (0x48F, "vmx",
     """2 vmx-exit-nosave-debugctl 12 vmx-exit-load-perf-global-ctrl 15 vmx-exit-ack-intr
     18 vmx-exit-save-pat vmx-exit-load-pat vmx-exit-save-efer vmx-exit-load-efer
     vmx-exit-save-preemption-timer vmx-exit-clear-bndcfgs 25 vmx-exit-clear-rtit-ctl
     28 vmx-exit-save-cet vmx-exit-load-pkrs 31 vmx-exit-secondary-ctls"""),
    (0x490, "vmx",
     """2 vmx-entry-noload-debugctl 9 vmx-entry-ia32e-mode 13 vmx-entry-load-perf-global-ctrl
     vmx-entry-load-pat vmx-entry-load-efer vmx-entry-load-bndcfgs 18 vmx-entry-load-rtit-ctl
     20 vmx-entry-load-cet 22 vmx-entry-load-pkrs vmx-entry-load-fred"""),
)  # fmt: skip

# QEMU's names that differ by more than "-" for "_": its own first, then what it takes for it.
QEMU_NAMES = MappingProxyType({
    "pni": "pni sse3", "pclmuldq": "pclmulqdq", "sse4.1": "sse4.1 sse4-1",
    "sse4.2": "sse4.2 sse4-2", "nx": "nx xd", "lm": "lm i64", "fxsr_opt": "fxsr-opt ffxsr",
    "vmx-invvpid-single-context-noglobals": "vmx-invept-single-context-noglobals",
})  # fmt: skip

# The kernel's names (/proc/cpuinfo) that differ by more than "_" for "-" and ".".
KERNEL_NAMES = MappingProxyType({
    "pclmuldq": "pclmulqdq", "tsc-deadline": "tsc_deadline_timer", "ds": "dts",
    "cr8legacy": "cr8_legacy", "avx512vbmi2": "avx512_vbmi2", "avx512vnni": "avx512_vnni",
    "avx512bitalg": "avx512_bitalg", "tsx-ldtrk": "tsxldtrk", "pause-filter": "pausefilter",
    "cmt": "cqm", "sgxlc": "sgx_lc", "core-capability": "core_capabilities", "cet-ibt": "ibt",
    "cet-ss": "user_shstk", "mbm_total": "cqm_mbm_total", "mbm_local": "cqm_mbm_local",
    "auto-ibrs": "autoibrs",
})  # fmt: skip
