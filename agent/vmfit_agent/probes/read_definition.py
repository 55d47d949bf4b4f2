"""Does this host's libvirt understand a definition?"""

from xml.etree.ElementTree import Element, tostring

from vmfit.v1.probe_pb2 import DefinitionAnswer, ReadDefinition
from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.host import LibvirtUnavailable
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_agent.virtualization.listed_emulators import ListedEmulators
from vmfit_agent.xml_document import attribute, parse_document

_SHOWN_CHARACTERS = 500
_HOST_INTERFACES = frozenset(("direct", "hostdev", "vdpa", "vhostuser"))


def read_definition(question: ReadDefinition, terms: Terms) -> DefinitionAnswer:
    """Ask the first libvirt of this host that answers for QEMU.

    What libvirt would open or look up on the host is left out before: host devices, TPMs of the
    host, sockets of vhost. Raises Unanswerable when no libvirt reads it, for XML that is no
    definition, and for emulators that libvirt does not list.
    """
    try:
        vm = parse_vm(question.xml)
    except UnusableDefinition as error:
        raise Unanswerable(str(error)) from None
    xml = _without_host_parts(question.xml)
    reasons = []
    for uri in terms.host.libvirt.uris:
        try:
            connection = terms.host.libvirt.connect(uri)
            if connection.driver() != "QEMU":
                continue
            refusal = ListedEmulators(connection).refusal(vm.emulator.path, vm.architecture, xml)
        except LibvirtUnavailable as error:
            reasons.append(str(error))
            continue
        return DefinitionAnswer(understood=not refusal, reason=refusal[:_SHOWN_CHARACTERS])
    raise Unanswerable("; ".join(reasons) or "no libvirt of this host drives QEMU")


def _without_host_parts(xml: str) -> str:
    domain = parse_document(xml, "domain")
    devices = domain.find("devices")
    if devices is not None:
        for device in [each for each in devices if _is_of_host(each)]:
            devices.remove(device)
    return tostring(domain, encoding="unicode")


def _is_of_host(device: Element) -> bool:
    if device.tag in {"hostdev", "vsock", "shmem"}:
        return True
    if device.tag == "tpm":
        return attribute(device, "backend", "type") == "passthrough"
    return device.tag == "interface" and device.get("type") in _HOST_INTERFACES
