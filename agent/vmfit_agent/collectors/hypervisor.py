"""libvirt and the hypervisors below it: versions, capabilities, domain capabilities."""

from collections.abc import Iterable, Iterator
from itertools import islice

from vmfit.v1.hypervisor_pb2 import (
    DomainCapabilities,
    Emulator,
    GuestArch,
    Hypervisor,
    HypervisorConnection,
)
from vmfit_agent.host import Host, LibvirtConnection, LibvirtUnavailable
from vmfit_agent.processors.architecture import libvirt_name
from vmfit_agent.processors.architecture import machine as architecture_of
from vmfit_agent.virtualization.capabilities_xml import (
    host_architecture,
    parse_capabilities,
    parse_domain_capabilities,
)
from vmfit_agent.virtualization.cpu_expansion import CpuExpander, NotExpandable
from vmfit_agent.virtualization.cpu_expansion import Hypervisor as Question
from vmfit_agent.virtualization.emulator_program import read_emulator
from vmfit_agent.virtualization.helper_programs import helper_programs
from vmfit_agent.virtualization.installed_versions import swtpm_version, virtiofsd_version
from vmfit_agent.virtualization.qemu_modules import qemu_modules
from vmfit_agent.virtualization.rom_files import rom_files

MAXIMUM_QUESTIONS = 64
"""Domain capabilities asked for over one connection; the host's own architecture comes first."""


def collect(host: Host) -> Hypervisor:
    """Return one entry for each configured URI, in the configuration's order.

    A URI that does not answer has an `error` and nothing else. Domain capabilities are those of
    each emulator and domain type with the default machine and with the machines that domains
    use, the host's architecture first, at most 64. What a driver cannot answer is absent, with a
    warning. Raises LibvirtUnavailable when no URI answers.
    Source: virConnectGetCapabilities, virConnectGetDomainCapabilities.
    """
    if not host.libvirt.uris:
        raise LibvirtUnavailable("no libvirt URI is configured")
    connections = [_connection(host, uri) for uri in host.libvirt.uris]
    if all(connection.error for connection in connections):
        raise LibvirtUnavailable("; ".join(connection.error for connection in connections))
    return Hypervisor(
        connections=connections,
        swtpm_version=swtpm_version(host),
        virtiofsd_version=virtiofsd_version(host),
        rom_files=rom_files(host),
        qemu_modules=qemu_modules(host),
        emulators=_emulators(host, connections),
        helper_programs=helper_programs(host),
    )


def _emulators(host: Host, connections: Iterable[HypervisorConnection]) -> list[Emulator]:
    own = libvirt_name(architecture_of(host))
    paths = {
        guest.emulator_path
        for connection in connections
        for guest in connection.guest_archs
        if guest.architecture == own and guest.emulator_path
    }
    found = (read_emulator(host, path) for path in sorted(paths))
    return [emulator for emulator in found if emulator is not None]


def _connection(host: Host, uri: str) -> HypervisorConnection:
    try:
        connection = host.libvirt.connect(uri)
        capabilities = connection.capabilities()
        answer = parse_capabilities(capabilities)
        answer.uri = uri
        answer.driver = connection.driver()
        version = connection.libvirt_version()
        if version is not None:
            answer.libvirt_version = version
        hypervisor_version = connection.hypervisor_version()
        if hypervisor_version is not None:
            answer.hypervisor_version = hypervisor_version
        answer.hostname = connection.hostname()
        if connection.read_only:
            host.warn(f"{uri}: libvirt allows reading only: no domain capabilities")
        else:
            own = host_architecture(capabilities)
            _expand_host_cpu(host, connection, answer, own)
            _read_domain_capabilities(host, connection, answer, own)
    except (LibvirtUnavailable, ValueError) as error:
        return HypervisorConnection(uri=uri, error=str(error))
    return answer


def _expand_host_cpu(
    host: Host, connection: LibvirtConnection, answer: HypervisorConnection, own: str
) -> None:
    if not answer.host_cpu.model:
        return
    try:
        CpuExpander(connection).expand_host_model(Question(None, own, None, ""), answer.host_cpu)
    except NotExpandable as error:
        host.warn(f"{connection.uri}: the host's CPU: {error}")


def _read_domain_capabilities(
    host: Host, connection: LibvirtConnection, answer: HypervisorConnection, own: str
) -> None:
    expander = CpuExpander(connection)
    questions = _questions(answer, own, _machines_in_use(connection))
    seen = set()
    for question in islice(questions, MAXIMUM_QUESTIONS):
        try:
            found = _ask(host, connection, expander, question)
        except (LibvirtUnavailable, ValueError) as error:
            host.warn(f"{_label(question)}: {error}")
            continue
        key = (found.emulator_path, found.domain_type, found.architecture, found.machine_type)
        if key not in seen:
            seen.add(key)
            answer.domain_capabilities.append(found)


def _label(question: Question) -> str:
    machine = question.machine or "default machine"
    return f"{question.domain_type} {question.architecture} {machine}"


def _ask(
    host: Host, connection: LibvirtConnection, expander: CpuExpander, question: Question
) -> DomainCapabilities:
    capabilities = parse_domain_capabilities(
        connection.domain_capabilities(
            question.emulator, question.architecture, question.machine, question.domain_type
        )
    )
    if capabilities.HasField("host_model"):
        exact = Question(
            capabilities.emulator_path,
            capabilities.architecture,
            capabilities.machine_type,
            capabilities.domain_type,
        )
        try:
            expander.expand_host_model(exact, capabilities.host_model)
        except NotExpandable as error:
            host.warn(f"{_label(question)}: host-model: {error}")
    return capabilities


def _machines_in_use(connection: LibvirtConnection) -> set[tuple[str, str, str]]:
    """Return architecture, domain type and machine of each domain; unusable ones are left out."""
    records = connection.domains()
    if not records:
        return set()
    from vmfit_agent.domain_xml.remembered import libvirts_vm  # noqa: PLC0415 -- dear where there are no domains

    found = set()
    for record in records:
        try:
            vm = libvirts_vm(record.xml)
        except ValueError:
            continue
        if vm.machine_type:
            found.add((vm.architecture, vm.domain_type, vm.machine_type))
    return found


def _questions(
    answer: HypervisorConnection, own: str, in_use: set[tuple[str, str, str]]
) -> Iterator[Question]:
    """Yield what to ask: the host's architecture, then those with domains, then the others."""
    used = {architecture for architecture, _, _ in in_use}
    guests = sorted(
        answer.guest_archs,
        key=lambda guest: (guest.architecture != own, guest.architecture not in used),
    )
    for guest in guests:
        for domain_type in guest.domain_types:
            emulator, architecture = guest.emulator_path or None, guest.architecture
            yield Question(emulator, architecture, None, domain_type)
            machines = {
                _canonical(guest, machine)
                for used_architecture, used_type, machine in in_use
                if (used_architecture, used_type) == (architecture, domain_type)
            }
            for machine in sorted(machines):
                yield Question(emulator, architecture, machine, domain_type)


def _canonical(guest: GuestArch, machine: str) -> str:
    return (
        next((known.canonical for known in guest.machine_types if known.name == machine), "")
        or machine
    )
