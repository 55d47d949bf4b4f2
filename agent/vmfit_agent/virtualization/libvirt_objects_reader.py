"""Reads pools, networks, secrets and filters from a live libvirt connection."""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from vmfit_agent.host import ObjectRecord

MAXIMUM_VOLUMES = 10_000
"""For one connection: more are not listed, and the pool's error says so."""


def list_objects(libvirt: Any, connection: Any, kind: str) -> list[ObjectRecord]:  # noqa: ANN401
    """Return the objects of one kind; none for a driver that has no such objects.

    Pools are never refreshed, values of secrets never read. Raises libvirtError otherwise.
    """
    list_all, read = _KINDS[kind]
    try:
        found = getattr(connection, list_all)(0)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
            return []
        raise
    records: list[ObjectRecord] = []
    for item in found:
        try:
            records.append(read(libvirt, item, records))
        except libvirt.libvirtError as error:
            if error.get_error_code() not in _gone(libvirt):
                raise
    return records


def _gone(libvirt: Any) -> set[int]:  # noqa: ANN401
    """Return the codes of an object that was removed since it was listed."""
    names = ("NO_STORAGE_POOL", "NO_NETWORK", "NO_SECRET", "NO_NWFILTER")
    return {getattr(libvirt, f"VIR_ERR_{name}") for name in names}


def _pool(libvirt: Any, pool: Any, before: list[ObjectRecord]) -> ObjectRecord:  # noqa: ANN401
    active = bool(pool.isActive())
    room = MAXIMUM_VOLUMES - sum(len(record.volume_xmls) for record in before)
    volumes: tuple[str, ...] = ()
    error = ""
    if active:
        try:
            volumes, count = _volumes(libvirt, pool, room)
            if count > room:
                error = f"{count - room} of {count} volumes are left out"
        except libvirt.libvirtError as failure:
            error = " ".join(str(failure).split())
    return ObjectRecord(
        xml=pool.XMLDesc(0),
        active=active,
        autostart=bool(pool.autostart()),
        persistent=bool(pool.isPersistent()),
        volume_xmls=volumes,
        error=error,
    )


def _volumes(libvirt: Any, pool: Any, room: int) -> tuple[tuple[str, ...], int]:  # noqa: ANN401
    """Return the XML of at most `room` volumes, and how many there are."""
    found = pool.listAllVolumes(0)
    xmls = []
    for volume in found[:room]:
        try:
            xmls.append(volume.XMLDesc(0))
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_VOL:
                raise
    return tuple(xmls), len(found)


def _network(_libvirt: Any, network: Any, _before: list[ObjectRecord]) -> ObjectRecord:  # noqa: ANN401
    return ObjectRecord(
        xml=network.XMLDesc(0),
        active=bool(network.isActive()),
        autostart=bool(network.autostart()),
        persistent=bool(network.isPersistent()),
    )


def _secret(_libvirt: Any, item: Any, _before: list[ObjectRecord]) -> ObjectRecord:  # noqa: ANN401
    return ObjectRecord(xml=item.XMLDesc(0))


# Their rules are not compared, and libvirt has dozens: the list has the names without asking again.
def _filter(_libvirt: Any, item: Any, _before: list[ObjectRecord]) -> ObjectRecord:  # noqa: ANN401
    root = Element("filter", name=item.name())
    SubElement(root, "uuid").text = item.UUIDString()
    return ObjectRecord(xml=tostring(root, encoding="unicode"))


_KINDS: dict[str, tuple[str, Callable[[Any, Any, list[ObjectRecord]], ObjectRecord]]] = {
    "storage_pools": ("listAllStoragePools", _pool),
    "networks": ("listAllNetworks", _network),
    "secrets": ("listAllSecrets", _secret),
    "network_filters": ("listAllNWFilters", _filter),
}
