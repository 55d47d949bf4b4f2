"""Turns libvirt's domain XML into the typed Vm. One module per area; paths are only named here."""

from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import HostPath, Vm
from vmfit_agent.domain_xml.bounds import require_bounds, require_few_elements
from vmfit_agent.domain_xml.character_devices import read_character_devices
from vmfit_agent.domain_xml.cpu import read_cpu, read_vcpus
from vmfit_agent.domain_xml.disks import read_disks
from vmfit_agent.domain_xml.displays import read_graphics
from vmfit_agent.domain_xml.firmware import read_firmware
from vmfit_agent.domain_xml.host_devices import read_host_devices
from vmfit_agent.domain_xml.memory import read_memory, read_numa
from vmfit_agent.domain_xml.nics import read_nics
from vmfit_agent.domain_xml.other_devices import (
    read_filesystems,
    read_other_devices,
    read_tpms,
)
from vmfit_agent.domain_xml.platform import read_hypervisor_features, read_timers
from vmfit_agent.domain_xml.protection import (
    read_launch_security,
    read_secrets,
    read_security_labels,
)
from vmfit_agent.domain_xml.qemu_arguments import files_of, read_arguments
from vmfit_agent.domain_xml.system_information import read_system_information
from vmfit_agent.domain_xml.tuning import read_tuning
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_agent.xml_document import (
    MalformedXml,
    attribute,
    child_text,
    parse_document,
)

_GUEST_AGENT = "org.qemu.guest_agent.0"


def parse_vm(xml: str) -> Vm:
    """Return what domain XML says, and nothing of the host: every HostPath has its path alone.

    Lists keep the XML's order. Numbers that are none are absent, elements that are not understood
    are left out; CPU features are not expanded.
    Raises UnusableDefinition for text that is no domain XML, is larger than 1 MiB, or holds more
    of something than any guest has. Source: libvirt formatdomain.
    """
    try:
        require_few_elements(xml)
        domain = parse_document(xml, "domain")
        require_bounds(domain)
    except MalformedXml as error:
        raise UnusableDefinition(str(error)) from error
    name = child_text(domain, "name")
    if name is None:
        raise UnusableDefinition("domain XML: no <name>")
    vm = Vm(name=name, uuid=(child_text(domain, "uuid") or "").lower())
    _read_general(vm, domain)
    _read_devices(vm, domain)
    return vm


def _read_general(vm: Vm, domain: Element) -> None:
    vm.domain_type = domain.get("type") or ""
    vm.os_type = child_text(domain, "os/type") or ""
    vm.architecture = attribute(domain, "os/type", "arch") or ""
    machine = attribute(domain, "os/type", "machine")
    if machine:
        vm.machine_type = machine
    offset = attribute(domain, "clock", "offset")
    if offset:
        vm.clock_offset = offset
    for field, path in (("emulator", "devices/emulator"), ("kernel", "os/kernel")):
        text = child_text(domain, path)
        if text:
            getattr(vm, field).path = text
    initrd = child_text(domain, "os/initrd")
    if initrd:
        vm.initrd.CopyFrom(HostPath(path=initrd))
    cpu = read_cpu(domain)
    if cpu is not None:
        vm.cpu.CopyFrom(cpu)
    vm.vcpus.CopyFrom(read_vcpus(domain))
    tuning = read_tuning(domain)
    if tuning is not None:
        vm.tuning.CopyFrom(tuning)
    vm.memory.CopyFrom(read_memory(domain))
    vm.numa.CopyFrom(read_numa(domain))
    vm.firmware.CopyFrom(read_firmware(domain))
    vm.system_information.CopyFrom(read_system_information(domain))
    vm.timers.extend(read_timers(domain))
    vm.hypervisor_features.CopyFrom(read_hypervisor_features(domain))
    vm.security_labels.extend(read_security_labels(domain))
    launch_security = read_launch_security(domain)
    if launch_security is not None:
        vm.launch_security.CopyFrom(launch_security)
    vm.qemu_arguments.extend(read_arguments(domain))
    vm.qemu_argument_files.extend(HostPath(path=each) for each in files_of(vm.qemu_arguments))


def _read_devices(vm: Vm, domain: Element) -> None:
    vm.disks.extend(read_disks(domain))
    vm.nics.extend(read_nics(domain))
    vm.host_devices.extend(read_host_devices(domain))
    vm.tpms.extend(read_tpms(domain))
    vm.filesystems.extend(read_filesystems(domain))
    vm.character_devices.extend(read_character_devices(domain))
    vm.graphics.extend(read_graphics(domain))
    vm.other_devices.extend(read_other_devices(domain))
    vm.secrets.extend(read_secrets(domain))
    for target in domain.iterfind("devices/channel/target"):
        if target.get("name") == _GUEST_AGENT and target.get("state"):
            vm.guest_agent_connected = target.get("state") == "connected"
