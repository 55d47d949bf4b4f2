"""Addresses of the running system's interfaces."""

import ipaddress
import socket


def interface_addresses() -> dict[str, list[str]]:
    """Return each interface's addresses with prefix length, IPv4 first, ascending.

    Source: getifaddrs(3) through psutil.
    """
    # Here, because the unprivileged process and replays never need it.
    import psutil  # noqa: PLC0415

    found: dict[str, list[ipaddress.IPv4Interface | ipaddress.IPv6Interface]] = {}
    for name, addresses in psutil.net_if_addrs().items():
        for address in addresses:
            if address.family in (socket.AF_INET, socket.AF_INET6):
                plain = address.address.partition("%")[0]
                interface = ipaddress.ip_interface(f"{plain}/{_prefix(plain, address.netmask)}")
                found.setdefault(name, []).append(interface)
    return {
        name: [str(each) for each in sorted(interfaces, key=lambda each: (each.version, int(each)))]
        for name, interfaces in found.items()
    }


def _prefix(address: str, netmask: str | None) -> int:
    # Point-to-point links have no mask: the address stands for itself.
    whole = ipaddress.ip_address(address).max_prefixlen
    return int(ipaddress.ip_address(netmask)).bit_count() if netmask else whole
