"""Which servers in the network a guest needs, as its definition names them."""

from collections.abc import Iterator, Sequence

from vmfit.v1.vm_pb2 import NetworkHost, Vm
from vmfit_agent.disk_sources import disk_sources
from vmfit_agent.probes.port_ranges import DISK_PORTS

MAX_SERVERS = 256
"""Those beyond are asked nothing."""


def servers_of(vm: Vm) -> Sequence[NetworkHost]:
    """Return the servers of disks, of images below them and of character devices, each once.

    A disk's usual port stands where it gives none; 0 where there is none.
    """
    places = dict.fromkeys(_places(vm))
    return [NetworkHost(name=name, port=port) for name, port in list(places)[:MAX_SERVERS]]


def _places(vm: Vm) -> Iterator[tuple[str, int]]:
    for source in disk_sources(vm):
        for host in source.hosts:
            if host.name and host.transport != "unix":
                yield host.name, host.port or DISK_PORTS.get(source.protocol, 0)
    for device in vm.character_devices:
        if device.mode == "connect" and device.host:
            yield device.host, device.port
