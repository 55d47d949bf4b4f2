"""Serial ports, consoles, channels and their like."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import CharacterDevice, HostPath
from vmfit_agent.domain_xml.paths import host_path
from vmfit_agent.xml_document import attribute, number

_KINDS = ("serial", "parallel", "console", "channel", "smartcard", "redirdev")
# Sockets that libvirt names itself and never carries to another host; the second form is that of
# libvirt 9.7 and newer, the third that of a session.
_OWN_SOCKET = re.compile(
    r"/(lib|run)/libvirt/qemu/channel/|/libvirt/qemu/(channel/|lib/channel/|run/channel/)"
)


def read_character_devices(domain: Element) -> list[CharacterDevice]:
    """Return character devices in the XML's order; of the RNGs those fed through a socket."""
    return list(_read(domain))


def _read(domain: Element) -> Iterator[CharacterDevice]:
    for element in domain.iterfind("devices/*"):
        if element.tag in _KINDS:
            yield _character_device(element, element, element.tag)
        elif element.tag == "rng":
            backend = element.find("backend")
            if backend is not None and backend.get("model") == "egd":
                yield _character_device(element, backend, "rng")


def _character_device(element: Element, holder: Element, kind: str) -> CharacterDevice:
    type_ = holder.get("type") or holder.get("mode") or ""
    source = holder.find("source")
    path = attribute(source, ".", "path")
    return CharacterDevice(
        kind=kind,
        type=type_,
        path=host_path(path),
        mode=attribute(source, ".", "mode"),
        host=attribute(source, ".", "host"),
        port=number(attribute(source, ".", "service"), 65535),
        log=host_path(attribute(holder, "log", "file")),
        target_name=attribute(element, "target", "name") or attribute(element, "target", "type"),
        automatic_path=_is_automatic(type_, path),
        tls=attribute(source, ".", "tls") == "yes",
        pipe_ends=[HostPath(path=f"{path}.{end}") for end in ("in", "out")]
        if type_ == "pipe" and path
        else (),
        reconnects=attribute(source, "reconnect", "enabled") == "yes",
    )


def _is_automatic(type_: str, path: str | None) -> bool:
    if type_ == "pty":
        return True
    return type_ == "unix" and (path is None or _OWN_SOCKET.search(path) is not None)
