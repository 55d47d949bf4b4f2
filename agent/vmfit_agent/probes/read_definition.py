"""Does this host's libvirt understand a definition?"""

from xml.etree.ElementTree import Element, SubElement, tostring

from vmfit.v1.probe_pb2 import DefinitionAnswer, ReadDefinition
from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.host import LibvirtUnavailable
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_agent.virtualization.listed_emulators import ListedEmulators
from vmfit_agent.xml_document import attribute, parse_document

_SHOWN_CHARACTERS = 500
# Interfaces are none of them: libvirt makes a TAP device for each, and runs its script.
_READ_DEVICES = frozenset((
    "audio", "channel", "console", "controller", "crypto", "disk", "graphics", "hub", "input",
    "iommu", "memballoon", "memory", "panic", "parallel", "redirdev", "rng", "serial", "smartcard",
    "sound", "tpm", "video", "watchdog",
))  # fmt: skip
_READ_DISKS = frozenset(("block", "dir", "file", "network", "volume"))


def read_definition(question: ReadDefinition, terms: Terms) -> DefinitionAnswer:
    """Ask the first libvirt of this host that answers for QEMU.

    Devices that libvirt would open, make, look up or start something for are left out before:
    network interfaces, host devices, TPMs of the host, sockets of vhost, file systems with their
    daemons. Raises Unanswerable when no libvirt reads it, for XML that is no definition, and for
    emulators that libvirt does not list. Source: qemuConnectDomainXMLToNative.
    """
    try:
        vm = parse_vm(question.xml)
    except UnusableDefinition as error:
        raise Unanswerable(str(error)) from None
    xml = _without_host_parts(question.xml, vm.emulator.path)
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


def _without_host_parts(xml: str, emulator: str) -> str:
    """Return the definition with this emulator, and without what is of a host.

    libvirt starts the emulator and daemons that it reads, and reads some things otherwise: the text
    of an element with that of all below it, attributes and elements whatever their namespace.
    """
    domain = parse_document(xml, "domain")
    for devices in domain.iterfind("devices"):
        _leave_out_foreign(devices)
        for device in [each for each in devices if _is_of_host(each)]:
            devices.remove(device)
    first = domain.find("devices")
    if emulator and first is not None:
        SubElement(first, "emulator").text = emulator
    return tostring(domain, encoding="unicode")


def _leave_out_foreign(devices: Element) -> None:
    for element in devices.iter():
        for name in [each for each in element.attrib if each.startswith("{")]:
            del element.attrib[name]
        for child in [each for each in element if each.tag.startswith("{")]:
            element.remove(child)


def _is_of_host(device: Element) -> bool:
    if device.tag == "tpm":
        return attribute(device, "backend", "type") != "emulator"
    if device.tag == "disk":
        return device.get("type", "file") not in _READ_DISKS
    return device.tag not in _READ_DEVICES
