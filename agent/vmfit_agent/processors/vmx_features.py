"""The features of nested virtualisation that libvirt names: bits of Intel's VMX registers."""

from collections.abc import Mapping
from types import MappingProxyType

from vmfit_agent.processors.cpu_features import bit_names

# Registers of capabilities: each bit is a feature. Words as in the table of CPUID.
# Source: Intel SDM volume 3, appendix A; names as QEMU's documentation and libvirt give them.
_CAPABILITIES: tuple[tuple[int, str], ...] = (
    (0x480, "54 vmx-ins-outs vmx-true-ctls vmx-any-errcode"),
    (0x485,
     """5 vmx-store-lma vmx-activity-hlt vmx-activity-shutdown vmx-activity-wait-sipi
     29 vmx-vmwrite-vmexit-fields vmx-zero-len-inject"""),
    (0x48C,
     """vmx-ept-execonly 6 vmx-page-walk-4 vmx-page-walk-5 16 vmx-ept-2mb vmx-ept-1gb
     20 vmx-invept vmx-eptad vmx-ept-advanced-exitinfo 25 vmx-invept-single-context
     vmx-invept-all-context 32 vmx-invvpid 40 vmx-invvpid-single-addr vmx-invvpid-single-context
     vmx-invvpid-all-context vmx-invvpid-single-context-noglobals"""),
    (0x491, "vmx-eptp-switching"),
)  # fmt: skip

# Registers of controls: the upper half says which may be 1, the lower half which must be.
_CONTROLS: tuple[tuple[int, str], ...] = (
    (0x48B,
     """vmx-apicv-xapic vmx-ept vmx-desc-exit vmx-rdtscp-exit vmx-apicv-x2apic vmx-vpid
     vmx-wbinvd-exit vmx-unrestricted-guest vmx-apicv-register vmx-apicv-vid vmx-ple
     vmx-rdrand-exit vmx-invpcid-exit vmx-vmfunc vmx-shadow-vmcs vmx-encls-exit vmx-rdseed-exit
     vmx-pml 20 vmx-xsaves 25 vmx-tsc-scaling vmx-enable-user-wait-pause"""),
    (0x48D, "vmx-intr-exit 3 vmx-nmi-exit 5 vmx-vnmi vmx-preemption-timer vmx-posted-intr"),
    (0x48E,
     """2 vmx-vintr-pending vmx-tsc-offset 7 vmx-hlt-exit 9 vmx-invlpg-exit vmx-mwait-exit
     vmx-rdpmc-exit vmx-rdtsc-exit 15 vmx-cr3-load-noexit vmx-cr3-store-noexit
     19 vmx-cr8-load-exit vmx-cr8-store-exit vmx-flexpriority vmx-vnmi-pending vmx-movdr-exit
     vmx-io-exit vmx-io-bitmap 27 vmx-mtf vmx-msr-bitmap vmx-monitor-exit vmx-pause-exit
     vmx-secondary-ctls"""),
    (0x48F,
     """2 vmx-exit-nosave-debugctl 12 vmx-exit-load-perf-global-ctrl 15 vmx-exit-ack-intr
     18 vmx-exit-save-pat vmx-exit-load-pat vmx-exit-save-efer vmx-exit-load-efer
     vmx-exit-save-preemption-timer vmx-exit-clear-bndcfgs 25 vmx-exit-clear-rtit-ctl
     29 vmx-exit-load-pkrs 31 vmx-exit-secondary-ctls"""),
    (0x490,
     """2 vmx-entry-noload-debugctl 9 vmx-entry-ia32e-mode 13 vmx-entry-load-perf-global-ctrl
     vmx-entry-load-pat vmx-entry-load-efer vmx-entry-load-bndcfgs 18 vmx-entry-load-rtit-ctl
     22 vmx-entry-load-pkrs vmx-entry-load-fred"""),
)  # fmt: skip

VMX_MSRS = tuple(sorted(index for index, _ in (*_CAPABILITIES, *_CONTROLS)))
"""The model-specific registers that hold these features."""

# QEMU names the kinds of INVVPID after INVEPT, and libvirt follows it.
_OTHER_NAMES = MappingProxyType(
    {"vmx-invvpid-single-context-noglobals": "vmx-invept-single-context-noglobals"}
)

VMX_FEATURES = frozenset(
    {name for _, words in (*_CAPABILITIES, *_CONTROLS) for _, name in bit_names(words)}
    | set(_OTHER_NAMES.values())
)
"""All names."""


def vmx_features(msrs: Mapping[int, int]) -> set[str]:
    """Return the names of the features that a CPU's VMX registers show.

    A control is a feature when a guest's hypervisor may set it and may leave it.
    """
    found = set()
    for index, words in (*_CAPABILITIES, *_CONTROLS):
        value = msrs.get(index, 0)
        if index in _CONTROL_MSRS:
            value = value >> 32 & ~value
        found |= {name for bit, name in bit_names(words) if value >> bit & 1}
    return found | {other for name, other in _OTHER_NAMES.items() if name in found}


_CONTROL_MSRS = frozenset(index for index, _ in _CONTROLS)
