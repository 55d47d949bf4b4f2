"""Ports that probes may go to: those of libvirt, of migrations and of disks' servers."""

import re
from collections.abc import Iterable, Sequence

from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_text
from vmfit_agent.virtualization.libvirt_conf import parse_conf

PortRanges = Sequence[range]

LIBVIRT_PORTS: PortRanges = (range(22, 23), range(16509, 16510), range(16514, 16515))
"""SSH, TCP and TLS of libvirt's connection URIs."""
DISK_PORTS = {
    "ftp": 21,
    "ftps": 990,
    "gluster": 24007,
    "http": 80,
    "https": 443,
    "iscsi": 3260,
    "nbd": 10809,
    "nfs": 2049,
    "rbd": 6789,
    "sheepdog": 7000,
    "ssh": 22,
}
"""Where a server listens that a disk gives no port."""
_OTHER_DISK_PORTS = {"rbd": (3300,), "nfs": (111,)}
DEFAULT_MIGRATION_PORTS = range(49152, 49216)
_FIRST_UNPRIVILEGED = 1024
_LAST = 65535
_RANGE = re.compile(r"([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?", re.ASCII)


def parse_ports(text: str) -> range:
    """Return the ports of "1234" or "1234-1239"; raises ValueError."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError("must be a port or a range of ports, 1234 or 1234-1239")
    ports = range(int(found[1]), int(found[2] or found[1]) + 1)
    if not ports or ports[-1] > _LAST:
        raise ValueError(f"must be ports from 1 to {_LAST}, the lower first")
    return ports


def holds(ranges: Iterable[range], port: int) -> bool:
    """Return whether a port is in one of the ranges."""
    return any(port in ports for ports in ranges)


def migration_ports(host: Host) -> PortRanges:
    """Return libvirt's own range, and the one that this host's qemu.conf gives instead.

    Without privileged ports. Source: qemu.conf, migration_port_min and migration_port_max.
    """
    conf = parse_conf(read_text(host, "etc/libvirt/qemu.conf", limit=1 << 20) or "")
    values = [conf.get(f"migration_port_{end}", "") for end in ("min", "max")]
    usual = DEFAULT_MIGRATION_PORTS[0], DEFAULT_MIGRATION_PORTS[-1]
    first, last = (
        int(value) if value.isdecimal() and len(value) <= len(str(_LAST)) else default
        for value, default in zip(values, usual, strict=True)
    )
    configured = range(max(first, _FIRST_UNPRIVILEGED), min(last, _LAST) + 1)
    return (DEFAULT_MIGRATION_PORTS, configured)


def unprivileged(ranges: PortRanges) -> PortRanges:
    """Return the ranges without privileged ports."""
    return tuple(range(max(each.start, _FIRST_UNPRIVILEGED), each.stop) for each in ranges)


def disk_ports(protocol: str) -> PortRanges:
    """Return the usual ports of a protocol's servers."""
    ports = (DISK_PORTS.get(protocol), *_OTHER_DISK_PORTS.get(protocol, ()))
    return tuple(range(port, port + 1) for port in ports if port is not None)


def every_disk_port() -> PortRanges:
    """Return the usual ports of the servers of network disks."""
    return tuple(ports for protocol in DISK_PORTS for ports in disk_ports(protocol))
