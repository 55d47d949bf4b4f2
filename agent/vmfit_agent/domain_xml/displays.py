"""The guest's displays."""

import re
from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import Graphics, GraphicsListen
from vmfit_agent.domain_xml.paths import host_path
from vmfit_agent.xml_document import attribute, number

# In the directory that libvirt makes for each start of a guest.
_OWN_SOCKET = re.compile(r"/libvirt/qemu/(lib/|run/)?domain-\d+-")
# Of the bus that libvirt starts for a guest.
# Each "path=" is looked at up to the next: the time that a search takes grows with the text.
_OWN_BUS = re.compile(r"path=(?:(?!path=)[^,])*/qemu/(run/)?dbus/")


def read_graphics(domain: Element) -> list[Graphics]:
    """Return the displays in the XML's order; passwords are never read."""
    return [_graphics(element) for element in domain.iterfind("devices/graphics")]


def _graphics(element: Element) -> Graphics:
    return Graphics(
        type=element.get("type") or "",
        port=_port(element.get("port")),
        tls_port=_port(element.get("tlsPort")),
        autoport=element.get("autoport") == "yes",
        websocket=_port(element.get("websocket")),
        listens=_listens(element),
        socket=element.get("socket"),
        render_node=host_path(attribute(element, "gl", "rendernode")),
        socket_path=host_path(_socket(element)),
        starts_bus=_starts_bus(element),
        demands_tls=_demands_tls(element),
    )


def _socket(element: Element) -> str | None:
    path = element.get("socket") or attribute(element, "listen[@type='socket']", "socket")
    return None if path and _OWN_SOCKET.search(path) else path


def _demands_tls(element: Element) -> bool:
    channels = [channel.get("mode") for channel in element.iterfind("channel")]
    return element.get("type") == "spice" and "secure" in (element.get("defaultMode"), *channels)


def _starts_bus(element: Element) -> bool:
    if element.get("type") != "dbus" or element.get("p2p") == "yes":
        return False
    address = element.get("address")
    return address is None or bool(_OWN_BUS.search(address))


def _listens(element: Element) -> list[GraphicsListen]:
    listens = [
        GraphicsListen(
            type=listen.get("type") or "",
            address=listen.get("address"),
            network=listen.get("network"),
            socket=listen.get("socket"),
        )
        for listen in element.iterfind("listen")
    ]
    if not listens and element.get("listen"):
        return [GraphicsListen(type="address", address=element.get("listen"))]
    return listens


def _port(text: str | None) -> int | None:
    return -1 if text == "-1" else number(text, 65535)
