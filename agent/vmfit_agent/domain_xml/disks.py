"""The guest's disks and where their blocks are."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import Disk, NetworkHost, StorageSource
from vmfit_agent.domain_xml.paths import host_path
from vmfit_agent.redaction.free_text import redact_place, redact_query
from vmfit_agent.xml_document import attribute, child_text, flag, number, pci_address

# libvirt itself refuses chains beyond 200 images.
MAXIMUM_CHAIN_LENGTH = 200


def read_disks(domain: Element) -> list[Disk]:
    """Return the disks in the XML's order, with the backing chain as far as the XML tells it."""
    return [_disk(element) for element in domain.iterfind("devices/disk")]


def _disk(element: Element) -> Disk:
    disk = Disk(
        target=attribute(element, "target", "dev") or "",
        bus=attribute(element, "target", "bus"),
        device=element.get("device") or "disk",
        read_only=element.find("readonly") is not None,
        shareable=element.find("shareable") is not None,
        transient=element.find("transient") is not None,
        startup_policy=attribute(element, "source", "startupPolicy"),
        cache=attribute(element, "driver", "cache"),
        io=attribute(element, "driver", "io"),
        serial=child_text(element, "serial"),
        wwn=child_text(element, "wwn"),
        backing_chain=list(_backing_chain(element)),
        reservations=attribute(element, "source/reservations", "managed") == "yes",
        alias=attribute(element, "alias", "name"),
        owner_is_kept=any(map(_keeps_owner, element.iterfind("source/seclabel"))),
    )
    if disk.cache == "default":
        disk.ClearField("cache")
    source = _source(element, element.get("type"), attribute(element, "driver", "type"))
    if source is not None:
        disk.source.CopyFrom(source)
    mirror = element.find("mirror")
    if mirror is not None:
        found = _mirror(mirror)
        if found is not None:
            disk.mirror.CopyFrom(found)
    return disk


def _keeps_owner(label: Element) -> bool:
    return label.get("relabel") == "no" and label.get("model") in (None, "dac")


def _mirror(element: Element) -> StorageSource | None:
    if element.get("file"):  # libvirt before 1.2.6
        return StorageSource(
            type="file", path=host_path(element.get("file")), format=element.get("format")
        )
    return _source(element, element.get("type"), attribute(element, "format", "type"))


def _backing_chain(disk: Element) -> Iterator[StorageSource]:
    """Yield the images below the active one; an empty <backingStore/> ends the chain."""
    element = disk.find("backingStore")
    for _ in range(MAXIMUM_CHAIN_LENGTH):
        if element is None:
            return
        source = _source(element, element.get("type"), attribute(element, "format", "type"))
        if source is None:
            return
        yield source
        element = element.find("backingStore")


def _source(holder: Element, kind: str | None, image_format: str | None) -> StorageSource | None:
    """Return the <source> of a disk, backing store or mirror; None for an empty drive."""
    element = holder.find("source")
    if element is None:
        return None
    kind = kind or _guessed_kind(element)
    source = StorageSource(type=kind, format=image_format)
    path = element.get(_PATH_ATTRIBUTES.get(kind, ""))
    if path:
        source.path.path = path
    if kind == "volume":
        _set(source, pool=element.get("pool"), volume=element.get("volume"))
    elif kind == "nvme":
        _set(source, pci_address=pci_address(element.find("address")))
        _set(source, nvme_namespace=number(element.get("namespace")))
    elif kind == "network":
        _read_network(source, element)
    encryption = attribute(element, "encryption", "format") or attribute(
        holder, "encryption", "format"
    )
    _set(source, encryption_format=encryption)
    if source == StorageSource(type=kind, format=image_format):
        return None
    return source


_PATH_ATTRIBUTES = {
    "file": "file",
    "block": "dev",
    "dir": "dir",
    "vhostuser": "path",
    "vhostvdpa": "dev",
}


def _guessed_kind(element: Element) -> str:
    """Return the kind that libvirt assumes; very old XML has the attribute alone."""
    return "block" if element.get("dev") and not element.get("file") else "file"


def _read_network(source: StorageSource, element: Element) -> None:
    query = redact_query(element.get("query") or "")
    name = redact_place(element.get("name") or "") or None
    _set(
        source,
        protocol=element.get("protocol"),
        name=f"{name or ''}?{query}" if query else name,
        initiator_name=attribute(element, "initiator/iqn", "name"),
        tls=flag(element.get("tls")),
    )
    for host in element.iterfind("host"):
        source.hosts.append(
            NetworkHost(
                name=host.get("name"),
                port=number(host.get("port")),
                transport=host.get("transport"),
                socket=host.get("socket"),
            )
        )


def _set(source: StorageSource, **values: str | int | bool | None) -> None:
    for field, value in values.items():
        if value is not None:
            setattr(source, field, value)
