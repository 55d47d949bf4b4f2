"""Storage pools with their volumes, networks, secrets and network filters."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar
from xml.etree.ElementTree import Element

from google.protobuf.message import Message

from vmfit.v1.hypervisor_pb2 import (
    LibvirtObjects,
    NetworkFilter,
    Secret,
    StoragePool,
    VirtualNetwork,
)
from vmfit_agent.host import Host, LibvirtConnection, ObjectRecord
from vmfit_agent.virtualization.libvirt_uris import ask_each
from vmfit_agent.virtualization.storage_xml import read_pool
from vmfit_agent.virtualization.stored_secrets import stored_values
from vmfit_agent.xml_document import (
    MalformedXml,
    attribute,
    child_text,
    number,
    parse_document,
)

Item = TypeVar("Item", bound=Message)


def collect(host: Host) -> LibvirtObjects:
    """Return the objects of all URIs: by URI in the configuration's order, then by name or UUID.

    Drivers without a kind of object have none of it. Secrets are named, never read. Raises
    LibvirtUnavailable when no URI can be opened, or one that is open does not list a kind.
    Source: virConnectListAllStoragePools, -Networks, -Secrets, -NWFilters; /etc/libvirt/secrets.
    """
    objects = LibvirtObjects()
    for found in ask_each(host, lambda connection: _objects(host, connection)):
        objects.MergeFrom(found)
    return objects


def _objects(host: Host, connection: LibvirtConnection) -> LibvirtObjects:
    uri = connection.uri
    stored = stored_values(host) if host.is_live and uri.endswith("/system") else {}
    secrets = _read(host, connection, "secrets", "secret", partial(_secret, stored, uri))
    filters = _read(host, connection, "network_filters", "filter", partial(_filter, uri))
    return LibvirtObjects(
        storage_pools=read_storage_pools(host, connection),
        networks=read_networks(host, connection),
        secrets=sorted(secrets, key=lambda secret: secret.uuid),
        network_filters=sorted(filters, key=lambda network_filter: network_filter.name),
    )


def read_storage_pools(host: Host, connection: LibvirtConnection) -> list[StoragePool]:
    """Return one connection's pools with their volumes, sorted by name."""
    pools = _read(host, connection, "storage_pools", "pool", partial(read_pool, connection.uri))
    return sorted(pools, key=lambda pool: pool.name)


def read_networks(host: Host, connection: LibvirtConnection) -> list[VirtualNetwork]:
    """Return one connection's networks, sorted by name."""
    networks = _read(host, connection, "networks", "network", partial(_network, connection.uri))
    return sorted(networks, key=lambda network: network.name)


def _read(
    host: Host,
    connection: LibvirtConnection,
    kind: str,
    tag: str,
    read: Callable[[Element, ObjectRecord], Item],
) -> list[Item]:
    items = []
    for record in connection.objects(kind):
        if record.error:
            host.warn(f"{connection.uri}: volumes of a storage pool: {record.error}")
        try:
            items.append(read(parse_document(record.xml, tag), record))
        except MalformedXml as error:
            host.warn(f"{connection.uri}: {error}")
    return items


def _network(uri: str, root: Element, record: ObjectRecord) -> VirtualNetwork:
    forward = root.find("forward")
    default_group = next(
        (group for group in root.iterfind("portgroup") if group.get("default") == "yes"), None
    )
    interfaces = [
        name
        for path in ("forward/interface", "forward/pf")
        for element in root.iterfind(path)
        if (name := element.get("dev"))
    ]
    device = attribute(forward, ".", "dev")
    return VirtualNetwork(
        uri=uri,
        name=child_text(root, "name") or "",
        uuid=(child_text(root, "uuid") or "").lower(),
        active=record.active,
        autostart=record.autostart,
        persistent=record.persistent,
        # A forward without a mode is libvirt's default.
        forward_mode="" if forward is None else forward.get("mode") or "nat",
        bridge=attribute(root, "bridge", "name"),
        mtu_bytes=number(attribute(root, "mtu", "size")),
        forward_interfaces=interfaces or ([device] if device else []),
        port_groups=[name for group in root.iterfind("portgroup") if (name := group.get("name"))],
        default_port_group=attribute(default_group, ".", "name"),
        virtual_port_type=attribute(root, "virtualport", "type"),
    )


def _secret(stored: Mapping[str, bool], uri: str, root: Element, record: ObjectRecord) -> Secret:
    usage = root.find("usage")
    names = ("volume", "name", "target")
    uuid = (child_text(root, "uuid") or "").lower()
    return Secret(
        uri=uri,
        uuid=uuid,
        usage_type=attribute(usage, ".", "type") or "none",
        usage_id=next((text for name in names if (text := child_text(usage, name))), ""),
        value_set=stored.get(uuid) if record.value_set is None else record.value_set,
        ephemeral=root.get("ephemeral") == "yes",
    )


def _filter(uri: str, root: Element, _record: ObjectRecord) -> NetworkFilter:
    return NetworkFilter(
        uri=uri, name=root.get("name") or "", uuid=(child_text(root, "uuid") or "").lower()
    )
