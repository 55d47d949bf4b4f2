"""Describes one VM fully: a domain of this host, or a definition as this host sees it."""

from collections.abc import Callable

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest, DescribeVmResponse
from vmfit.v1.hypervisor_pb2 import VirtualNetwork
from vmfit.v1.vm_pb2 import Nic, SecurityLabel, Vm
from vmfit_agent.collectors.libvirt_objects import read_networks, read_storage_pools
from vmfit_agent.disk_sources import disk_sources, resolve_volume
from vmfit_agent.domain_xml import parse_vm
from vmfit_agent.domain_xml.domain_records import forget_chosen_addresses, vm_of_record
from vmfit_agent.domain_xml.remembered import libvirts_vm
from vmfit_agent.domain_xml.words import definition_words
from vmfit_agent.host import DomainRecord, Host, LibvirtConnection, LibvirtUnavailable
from vmfit_agent.path_elements import named_paths
from vmfit_agent.redaction.libvirt_xml import redact_xml
from vmfit_agent.sources import UnknownDomain
from vmfit_agent.storage.content_nonces import CONTENT_NONCES
from vmfit_agent.storage.host_path import PathInspector
from vmfit_agent.storage.look_allowance import LookAllowance
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_agent.virtualization.capabilities_xml import host_architecture
from vmfit_agent.virtualization.cpu_expansion import CpuExpander
from vmfit_agent.virtualization.listed_emulators import ListedEmulators
from vmfit_agent.virtualization.owner_names import names_exist
from vmfit_agent.vm_paths import keep_paths_back, look_at_paths
from vmfit_agent.xml_document import MalformedXml
from vmfit_contract.access import Caller, Role

_SWTPM_DIRECTORY = "/var/lib/libvirt/swtpm"
# libvirt keeps definitions in files called by the domain's name.
_LONGEST_NAME = 255


def describe_vm(request: DescribeVmRequest, host: Host, caller: Caller) -> DescribeVmResponse:
    """Return the VM with its paths looked at and its CPU expanded, and its migratable XML.

    Paths, and the users of its labels, are looked at for callers with the role to probe, as far as
    PermittedPlaces tells of them.

    A domain is looked for on `connection_uri`, or on all URIs in their order; of an active one
    the live XML counts. Inline XML is described without being defined, and without libvirt too:
    then the CPU stays unexpanded, and volumes and networks unresolved.
    Of inline XML libvirt is told nothing but names of models, features and machines, and those
    emulators that it lists itself. Raises UnknownDomain, UnusableDefinition (also for a request
    that names nothing), ForeignNoncesError, and LibvirtUnavailable when a URI that may have the
    domain does not answer; CallerGone when nobody waits for it.
    """
    key = CONTENT_NONCES.key(request.content_nonces) if request.content_nonces else None
    if request.connection_uri and request.connection_uri not in host.libvirt.uris:
        uri = request.connection_uri[:_LONGEST_NAME]
        raise UnknownDomain(f"{uri}: not among the configured libvirt URIs")
    inline = request.WhichOneof("vm") == "xml"
    if inline:
        vm = parse_vm(request.xml)
        connection, reason = _any_connection(request, host)
        xml, stored = request.xml, None
    else:
        connection, record, vm = _find(request, host)
        reason = ""
        xml = _migratable_xml(connection, vm, record)
        stored = record.inactive_xml if vm.pending_configuration else None
        migratable = libvirts_vm(xml)
        forget_chosen_addresses(vm, migratable)
        if xml != record.xml and migratable.HasField("cpu"):
            vm.migratable_cpu.CopyFrom(migratable.cpu)
    if connection is None:
        vm.cpu.expanded = False
        vm.cpu.expansion_error = reason
    else:
        _read_libvirt(vm, host, connection, inline=inline)
    _set_tpm_directories(vm, vm.connection_uri or (connection.uri if connection else ""))
    if caller.may(Role.PROBE):
        _look_at_host(vm, host, key, caller.is_gone, inline=inline)
    else:
        keep_paths_back(vm)
    try:
        vm.definition_words.extend(definition_words(xml))
        return DescribeVmResponse(
            vm=vm,
            xml=redact_xml(xml, "domain"),
            persistent_xml=redact_xml(stored, "domain") if stored else "",
        )
    except MalformedXml as error:
        raise UnusableDefinition(str(error)) from None


def _uris(request: DescribeVmRequest, host: Host) -> tuple[str, ...]:
    return (request.connection_uri,) if request.connection_uri else tuple(host.libvirt.uris)


def _any_connection(request: DescribeVmRequest, host: Host) -> tuple[LibvirtConnection | None, str]:
    """Return the first connection that opens, or None and why there is none."""
    reasons = []
    for uri in _uris(request, host):
        try:
            return host.libvirt.connect(uri), ""
        except LibvirtUnavailable as error:
            reasons.append(str(error))
    return None, "; ".join(reasons) or "no libvirt URI is configured"


def _find(request: DescribeVmRequest, host: Host) -> tuple[LibvirtConnection, DomainRecord, Vm]:
    kind = request.WhichOneof("vm")
    wanted = getattr(request, kind) if kind else ""
    if not wanted:
        raise UnusableDefinition("the request names no domain and has no domain XML")
    if len(wanted) > _LONGEST_NAME:
        raise UnusableDefinition(f"the domain's name has more than {_LONGEST_NAME} characters")
    failures = []
    for uri in _uris(request, host):
        try:
            connection = host.libvirt.connect(uri)
            record = connection.domain(wanted)
        except LibvirtUnavailable as error:
            failures.append(str(error))
            continue
        if record is None:
            continue
        vm = vm_of_record(record)
        if kind == "uuid" and vm.uuid != wanted.lower():
            # A domain whose name is another's UUID: a look at all tells them apart.
            candidates = [(one, vm_of_record(one)) for one in connection.domains()]
        else:
            candidates = [(record, vm)]
        for found, candidate in candidates:
            if _is_wanted(candidate, kind, wanted):
                return connection, found, candidate
    if failures or not host.libvirt.uris:
        raise LibvirtUnavailable("; ".join(failures) or "no libvirt URI is configured")
    raise UnknownDomain(f"no domain {wanted!r} on {', '.join(_uris(request, host))}")


def _is_wanted(vm: Vm, kind: str | None, wanted: str) -> bool:
    has_name, has_uuid = vm.name == wanted, vm.uuid == wanted.lower()
    return has_name if kind == "name" else has_uuid or (kind == "name_or_uuid" and has_name)


def _migratable_xml(connection: LibvirtConnection, vm: Vm, record: DomainRecord) -> str:
    try:
        return connection.migratable_xml(vm.uuid)
    except LibvirtUnavailable:
        # A read-only connection, or a driver that does not migrate: what it shows anybody.
        return record.xml


def _look_at_host(
    vm: Vm, host: Host, key: bytes | None, is_gone: Callable[[], bool], *, inline: bool
) -> None:
    if host.is_live:
        labels = [each for each in vm.security_labels if each.model == "dac" and each.label]
        for label, known in zip(labels, names_exist([each.label for each in labels]), strict=True):
            label.MergeFrom(SecurityLabel(names_exist=known))
    used = () if inline else {path.path for path, _, _ in named_paths(vm)}
    look_at_paths(vm, PathInspector(host, used, key, LookAllowance(is_gone)))


def _read_libvirt(vm: Vm, host: Host, connection: LibvirtConnection, *, inline: bool) -> None:
    if not vm.architecture:
        vm.architecture = host_architecture(connection.capabilities())
    CpuExpander(ListedEmulators(connection) if inline else connection).expand_guest(vm)
    try:
        _read_objects(vm, host, connection)
    except LibvirtUnavailable as error:
        host.warn(str(error))  # Volumes and bridges then stay unresolved.


def _read_objects(vm: Vm, host: Host, connection: LibvirtConnection) -> None:
    if any(source.type == "volume" for source in disk_sources(vm)):
        pools = {pool.name: pool for pool in read_storage_pools(host, connection)}
        for source in disk_sources(vm):
            if source.type == "volume":
                resolve_volume(source, pools)
    if any(nic.network and not nic.bridge for nic in vm.nics):
        networks = {network.name: network for network in read_networks(host, connection)}
        for nic in vm.nics:
            if nic.network in networks:
                _resolve_network(nic, networks[nic.network])


def _resolve_network(nic: Nic, network: VirtualNetwork) -> None:
    """Set the bridge, or the only interface, that the network's definition leads to."""
    if network.bridge and not nic.bridge and not nic.host_interface:
        nic.bridge = network.bridge
    elif len(network.forward_interfaces) == 1 and not network.bridge and not nic.host_interface:
        nic.host_interface = network.forward_interfaces[0]


def _set_tpm_directories(vm: Vm, uri: str) -> None:
    """Name where the system's libvirt keeps swtpm's state; a session keeps it elsewhere."""
    if not uri.endswith("/system") or not vm.uuid:
        return
    for tpm in vm.tpms:
        if tpm.backend == "emulator" and not tpm.HasField("state_directory"):
            version = "tpm1.2" if tpm.version == "1.2" else "tpm2"
            tpm.state_directory.path = f"{_SWTPM_DIRECTORY}/{vm.uuid}/{version}"
