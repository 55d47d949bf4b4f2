"""Reads processors: CPUID, feature names, MSRs, KVM, topology."""
