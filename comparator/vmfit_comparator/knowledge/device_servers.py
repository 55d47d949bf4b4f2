"""Programs on other hosts that the guest's character devices are clients of."""

from collections.abc import Iterator

from vmfit.v1.vm_pb2 import CharacterDevice
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.knowledge.host_addresses import has_address, parse_address


def servers_elsewhere(migration: Migration) -> list[tuple[str, int]]:
    """Return host and port of the servers that QEMU connects to before the guest can come."""
    return list(
        dict.fromkeys(
            (each.host, each.port)
            for each in _clients(migration, "tcp")
            if each.port and not each.reconnects
        )
    )


def names_elsewhere(migration: Migration) -> list[str]:
    """Return the names that QEMU resolves for devices which send UDP."""
    hosts = dict.fromkeys(each.host for each in _clients(migration, "udp"))
    return [each for each in hosts if parse_address(each) is None]


def _clients(migration: Migration, type_: str) -> Iterator[CharacterDevice]:
    if migration.options.offline:
        return
    for each in migration.incoming.character_devices:
        client = each.type == type_ and each.mode == "connect" and each.host
        if client and not has_address(each.host, migration.destination.network):
            yield each
