"""The few things about the host itself that libvirt's capabilities tell."""

from typing import NamedTuple

from vmfit_agent.bounded_call import call_within
from vmfit_agent.host import Host, LibvirtUnavailable
from vmfit_agent.xml_document import parse_document

_PATIENCE_SECONDS = 1.5
_MAXIMUM_BYTES = 16 << 20


class HostCapabilities(NamedTuple):
    """What the first libvirt URI that answers says; None where it says nothing."""

    uuid: str | None = None
    tsc_frequency_hz: int | None = None
    tsc_scaling: bool | None = None


def host_capabilities(host: Host) -> HostCapabilities:
    """Ask libvirt, but no longer than a moment: the parts that ask have other sources too.

    Source: virConnectGetCapabilities.
    """
    for uri in host.libvirt.uris:
        try:
            return parse(call_within(_PATIENCE_SECONDS, lambda: _capabilities(host, uri)))  # noqa: B023 -- called at once
        except (LibvirtUnavailable, TimeoutError, ValueError) as error:
            text = str(error)
            host.warn(text if text.startswith(uri) else f"{uri}: {text}")
    return HostCapabilities()


def _capabilities(host: Host, uri: str) -> str:
    return host.libvirt.connect(uri).capabilities()


def parse(xml: str) -> HostCapabilities:
    """Return what the capabilities XML says of the host; ValueError when it is malformed."""
    document = parse_document(xml, "capabilities", _MAXIMUM_BYTES)
    counter = document.find("host/cpu/counter[@name='tsc']")
    if counter is None:
        return HostCapabilities(uuid=document.findtext("host/uuid"))
    frequency = counter.get("frequency", "")
    scaling = {"yes": True, "no": False}.get(counter.get("scaling", ""))
    return HostCapabilities(
        uuid=document.findtext("host/uuid"),
        tsc_frequency_hz=int(frequency) if frequency.isdigit() and len(frequency) < 19 else None,
        tsc_scaling=scaling,
    )
