"""What one request's case makes of the agent's rules."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest, DescribeVmResponse, ProbeCase
from vmfit.v1.vm_pb2 import NetworkHost
from vmfit_agent.host import Host
from vmfit_agent.probes.addresses import Address, parse_address, plain_address
from vmfit_agent.probes.case_hosts import CaseHosts, plain_name
from vmfit_agent.probes.network_rules import NetworkRules
from vmfit_agent.probes.own_addresses import own_addresses
from vmfit_agent.probes.port_ranges import LIBVIRT_PORTS, PortRanges, migration_ports
from vmfit_agent.sources import SourceUnavailable, UnknownDomain
from vmfit_agent.storage.content_nonces import ForeignNoncesError
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_contract.access import Caller

Describe = Callable[[DescribeVmRequest, float, Caller], DescribeVmResponse]
"""Describes a VM within so many seconds; see InProcess.describe_vm."""


def known_case(
    case: ProbeCase, describe: Describe | None, seconds: float, caller: Caller
) -> tuple[ProbeCase, str]:
    """Return the case with the servers of its guest in place of the guest, and why without them.

    Servers that the case brings along are left out: a caller could name any.
    """
    known = ProbeCase(hosts=case.hosts)
    kind = case.WhichOneof("vm")
    if kind is None:
        return known, ""
    try:
        known.servers.extend(_servers(case, kind, describe, seconds, caller))
    except (SourceUnavailable, UnknownDomain, UnusableDefinition, ForeignNoncesError) as error:
        return known, f"the guest's definition: {error}"
    return known, ""


def rules_of_case(
    rules: NetworkRules, host: Host, case: ProbeCase, unknown: str = ""
) -> NetworkRules:
    """Return the rules for a case whose servers are known."""
    try:
        own = own_addresses()
    except OSError as error:
        # Which addresses are this host's own decides where it may go: then to no address.
        return replace(rules, case=CaseHosts(unknown=f"addresses: {error}"))
    ports = (*LIBVIRT_PORTS, *migration_ports(host), *rules.ports)
    return replace(rules, case=_case_hosts(case, own, ports, unknown))


def _case_hosts(
    case: ProbeCase, own: Iterable[Address], ports: PortRanges, unknown: str
) -> CaseHosts:
    parsed = {each: parse_address(each) for each in case.hosts}
    addresses = {plain_address(each) for each in parsed.values() if each is not None}
    return CaseHosts(
        frozenset(plain_name(name) for name, address in parsed.items() if address is None),
        frozenset(addresses - {plain_address(each) for each in own}),
        ports,
        frozenset((plain_name(each.name), each.port) for each in case.servers),
        unknown,
    )


def _servers(
    case: ProbeCase, kind: str, describe: Describe | None, seconds: float, caller: Caller
) -> Sequence[NetworkHost]:
    # What reads definitions is large, and hardly any guest needs a server.
    from vmfit_agent.probes.guests_servers import servers_of  # noqa: PLC0415

    if kind == "description":
        return servers_of(case.description)
    if describe is None:
        raise SourceUnavailable("nothing describes VMs")
    request = DescribeVmRequest(**{kind: getattr(case, kind)})
    return servers_of(describe(request, seconds, caller).vm)
