"""Turns libvirt's storage pool and volume XML into typed messages."""

from xml.etree.ElementTree import Element

from vmfit.v1.hypervisor_pb2 import StoragePool, StorageVolume
from vmfit_agent.host import ObjectRecord
from vmfit_agent.redaction.free_text import scrub
from vmfit_agent.xml_document import (
    attribute,
    child_text,
    parse_document,
    size_bytes,
)


def read_pool(uri: str, root: Element, record: ObjectRecord) -> StoragePool:
    """Return a pool with its volumes sorted by name; sizes only while it is active.

    Raises MalformedXml. Source: libvirt formatstorage.
    """
    return StoragePool(
        uri=uri,
        name=child_text(root, "name") or "",
        uuid=(child_text(root, "uuid") or "").lower(),
        type=root.get("type") or "",
        active=record.active,
        autostart=record.autostart,
        persistent=record.persistent,
        target_path=child_text(root, "target/path"),
        source_hosts=[name for host in root.iterfind("source/host") if (name := host.get("name"))],
        source_name=child_text(root, "source/name"),
        source_path=attribute(root, "source/dir", "path")
        or attribute(root, "source/device", "path")
        or attribute(root, "source/adapter", "name"),
        source_initiator_name=attribute(root, "source/initiator/iqn", "name"),
        capacity_bytes=size_bytes(root, "capacity", "b") if record.active else None,
        available_bytes=size_bytes(root, "available", "b") if record.active else None,
        volumes=sorted(map(_volume, record.volume_xmls), key=lambda volume: volume.name),
        error=scrub(record.error),
    )


def _volume(xml: str) -> StorageVolume:
    root = parse_document(xml, "volume")
    return StorageVolume(
        name=child_text(root, "name") or "",
        path=child_text(root, "target/path") or "",
        format=attribute(root, "target/format", "type"),
        capacity_bytes=size_bytes(root, "capacity", "b"),
        allocation_bytes=size_bytes(root, "allocation", "b"),
        backing_path=child_text(root, "backingStore/path"),
    )
