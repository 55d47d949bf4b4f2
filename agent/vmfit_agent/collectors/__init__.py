"""The table of collectors: one file per subsystem, one row per part of a snapshot."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from google.protobuf.message import Message

from vmfit_agent.collectors import (
    attributes,
    block_devices,
    clock,
    cpu,
    domains,
    hypervisor,
    identity,
    iscsi,
    kernel,
    libvirt_objects,
    memory,
    mounts,
    network,
    numa,
    pci,
    security,
    usb,
)
from vmfit_agent.host import Host
from vmfit_agent.virtualization.installed_versions import PACKAGE_FILES

Collect = Callable[[Host], Message]


class Collector(NamedTuple):
    """How one part is collected.

    A collector returns its part, or raises OSError, ValueError or LibvirtUnavailable: the part is
    then absent for that reason.
    """

    collect: Collect
    period_seconds: float | None
    """Collected anew this often while the agent runs; None: only on events and on demand."""
    files: tuple[str, ...] = ()
    """Globs below the root that it reads: what a recording must hold."""
    deadline_seconds: float = 5.0


# Keys are the field names of Snapshot, in its order.
COLLECTORS: Mapping[str, Collector] = MappingProxyType(
    {
        "identity": Collector(identity.collect, 300.0, identity.FILES),
        "cpu": Collector(cpu.collect, None, cpu.FILES),
        "numa": Collector(numa.collect, 15.0, numa.FILES),
        "memory": Collector(memory.collect, 15.0, memory.FILES),
        "block_devices": Collector(block_devices.collect, None, block_devices.FILES),
        "mounts": Collector(mounts.collect, 30.0, mounts.FILES),
        "iscsi": Collector(iscsi.collect, 30.0, iscsi.FILES),
        "network": Collector(network.collect, 30.0, network.FILES),
        "pci": Collector(pci.collect, None, pci.FILES),
        "usb": Collector(usb.collect, None, usb.FILES),
        "kernel": Collector(kernel.collect, 300.0, kernel.FILES),
        "clock": Collector(clock.collect, 60.0, clock.FILES),
        "security": Collector(security.collect, 300.0, security.FILES),
        "hypervisor": Collector(hypervisor.collect, None, PACKAGE_FILES, deadline_seconds=20.0),
        "libvirt_objects": Collector(libvirt_objects.collect, 60.0, deadline_seconds=10.0),
        "domains": Collector(domains.collect, 15.0, deadline_seconds=10.0),
        "attributes": Collector(attributes.collect, 60.0, attributes.FILES),
    }
)
