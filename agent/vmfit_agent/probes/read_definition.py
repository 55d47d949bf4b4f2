"""Does this host's libvirt understand a definition?"""

from xml.etree.ElementTree import Element, SubElement, tostring

from vmfit.v1.probe_pb2 import DefinitionAnswer, ReadDefinition
from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.host import LibvirtUnavailable
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_agent.virtualization.listed_emulators import ListedEmulators
from vmfit_agent.xml_document import parse_document

_SHOWN_CHARACTERS = 500
# What is made of words alone: no file, socket, network or program of a host is behind it.
_READ_PARTS = frozenset((
    "blkiotune", "clock", "cpu", "cputune", "currentMemory", "devices", "features", "iothreadids",
    "iothreads", "maxMemory", "memory", "memoryBacking", "memtune", "name", "numatune",
    "on_crash", "on_poweroff", "on_reboot", "os", "pm", "uuid", "vcpu", "vcpus",
))  # fmt: skip
_READ_OF_OS = frozenset(("bios", "boot", "bootmenu", "smbios", "type"))
# Network interfaces are none of them: libvirt makes a TAP device for each, and runs its script.
_READ_DEVICES = frozenset((
    "controller", "crypto", "hub", "iommu", "memballoon", "panic", "sound", "video", "watchdog",
))  # fmt: skip


def read_definition(question: ReadDefinition, terms: Terms) -> DefinitionAnswer:
    """Ask the first libvirt of this host that answers for QEMU.

    Whatever libvirt might open, make, look up or start something for is left out before: all parts
    with anything of the host behind them. Raises Unanswerable when no libvirt reads it, for XML
    that is no definition, and for emulators that libvirt does not list.
    Source: qemuConnectDomainXMLToNative.
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
    _leave_out_foreign(domain)
    _keep(domain, _READ_PARTS)
    for system in domain.iterfind("os"):
        _keep(system, _READ_OF_OS)
    for devices in domain.iterfind("devices"):
        _keep(devices, _READ_DEVICES)
        for video in devices.findall("video[driver]"):
            devices.remove(video)  # A vhost-user display is a program of the host.
    first = domain.find("devices")
    if emulator and first is not None:
        SubElement(first, "emulator").text = emulator
    return tostring(domain, encoding="unicode")


def _leave_out_foreign(domain: Element) -> None:
    for element in domain.iter():
        for name in [each for each in element.attrib if each.startswith("{")]:
            del element.attrib[name]
        for child in [each for each in element if each.tag.startswith("{")]:
            element.remove(child)


def _keep(parent: Element, tags: frozenset[str]) -> None:
    for child in [each for each in parent if each.tag not in tags]:
        parent.remove(child)
