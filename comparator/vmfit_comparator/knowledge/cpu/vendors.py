"""Processor vendors by libvirt's names."""

_VENDORS = {
    "GenuineIntel": "Intel",
    "AuthenticAMD": "AMD",
    "HygonGenuine": "Hygon",
    "CentaurHauls": "Centaur",
    "  Shanghai  ": "Zhaoxin",
}


def vendor_name(vendor: str) -> str:
    """Return libvirt's word ("Intel") for a CPUID vendor ("GenuineIntel"); other names stay."""
    return _VENDORS.get(vendor, vendor)
