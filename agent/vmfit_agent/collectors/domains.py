"""Every domain that libvirt knows, as a typed VM."""

from vmfit.v1.vm_pb2 import Domains, Vm
from vmfit_agent.host import Host, LibvirtConnection
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_agent.virtualization.cpu_expansion import CpuExpander
from vmfit_agent.virtualization.libvirt_uris import ask_each


def collect(host: Host) -> Domains:
    """Return the domains of all URIs, sorted by URI and name, with state and jobs.

    Paths are named but not looked at (HostPath.exists is absent), volumes and backing chains are
    as the XML has them: describing one VM does that. CPUs are expanded to their features.
    A domain whose XML cannot be used costs a warning. Raises LibvirtUnavailable when no URI
    can be opened, or one that is open does not list its domains.
    Source: virConnectListAllDomains, virDomainGetXMLDesc.
    """
    vms: list[Vm] = []
    for answer in ask_each(host, lambda connection: _domains(host, connection)):
        vms.extend(answer)
    return Domains(vms=sorted(vms, key=lambda vm: (vm.connection_uri, vm.name)))


def _domains(host: Host, connection: LibvirtConnection) -> list[Vm]:
    records = connection.domains()
    if not records:
        return []
    # What reads domain XML is a tenth of the agent's modules.
    from vmfit_agent.domain_xml.domain_records import vm_of_record  # noqa: PLC0415

    expander = CpuExpander(connection)
    vms = []
    for record in records:
        try:
            vm = vm_of_record(record)
        except UnusableDefinition as error:
            host.warn(f"{record.uri}: a domain is left out: {error}")
            continue
        expander.expand_guest(vm)
        vms.append(vm)
    return vms
