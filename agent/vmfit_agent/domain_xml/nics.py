"""The guest's network interfaces."""

from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import Nic
from vmfit_agent.domain_xml.paths import host_path
from vmfit_agent.xml_document import attribute, flag, number, pci_address


def read_nics(domain: Element) -> list[Nic]:
    """Return the interfaces in the XML's order; live XML names the bridge a network resolved to."""
    return [_nic(element) for element in domain.iterfind("devices/interface")]


def _nic(element: Element) -> Nic:
    kind = element.get("type") or ""
    source = element.find("source")
    nic = Nic(
        mac=(attribute(element, "mac", "address") or "").lower(),
        type=kind,
        network=attribute(source, ".", "network"),
        port_group=attribute(source, ".", "portgroup"),
        bridge=attribute(source, ".", "bridge"),
        model=attribute(element, "model", "type"),
        mtu_bytes=number(attribute(element, "mtu", "size")),
        virtual_port_type=attribute(element, "virtualport", "type"),
        interface_id=attribute(element, "virtualport/parameters", "interfaceid"),
        vlan_ids=[
            vlan
            for tag in element.iterfind("vlan/tag")
            if (vlan := number(tag.get("id"))) is not None
        ],
        filter=attribute(element, "filterref", "filter"),
        queue_count=number(attribute(element, "driver", "queues")),
        host_tap=attribute(element, "target", "dev"),
        link_state=attribute(element, "link", "state"),
        teaming=attribute(element, "teaming", "type"),
        script=host_path(attribute(element, "script", "path")),
        rom=host_path(attribute(element, "rom", "file")),
        rom_disabled=_rom_disabled(element),
        driver_name=attribute(element, "driver", "name"),
        tap_managed=flag(attribute(element, "target", "managed")),
        socket_host=attribute(source, ".", "address"),
        socket_port=number(attribute(source, ".", "port")),
        backend_type=attribute(element, "backend", "type"),
        local_host=attribute(source, "local", "address"),
        local_port=number(attribute(source, "local", "port")),
    )
    _read_source(nic, kind, source)
    return nic


def _rom_disabled(element: Element) -> bool:
    return attribute(element, "rom", "enabled") == "no" or attribute(element, "rom", "bar") == "off"


def _read_source(nic: Nic, kind: str, source: Element | None) -> None:
    device = attribute(source, ".", "dev")
    if kind == "direct":
        if device:
            nic.host_interface = device
        mode = attribute(source, ".", "mode")
        if mode:
            nic.direct_mode = mode
    elif kind == "vdpa" and device:
        nic.socket.path = device
    elif kind == "vhostuser":
        path = attribute(source, ".", "path")
        if path:
            nic.socket.path = path
        mode = attribute(source, ".", "mode")
        if mode:
            nic.socket_mode = mode
    elif kind == "hostdev" and source is not None:
        address = pci_address(source.find("address"))
        if address:
            nic.pci_address = address
